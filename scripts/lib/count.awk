# Counts test results: reads the output of tests, writes a line for each, "passed NAME" or "failed NAME".
# Knows TAP (pg_prove, prove, pg_regress since 16), ctest, and pg_regress before 16. Subtests are indented; what
# counts is the test that they make up.

function result(verdict, name) {
    sub(/^[ -]+/, "", name)
    sub(/ +[0-9.]+ (ms|sec)$/, "", name)
    print verdict, name
}

# TAP. What is skipped is neither; a failure that is expected (TODO) is none.
/^(not )?ok( |$)/ {
    verdict = /^not/ && !/# TODO/ ? "failed" : "passed"
    if (/# [Ss][Kk][Ii][Pp]/) verdict = "skipped"
    name = $0
    sub(/^(not )?ok +[0-9]*/, "", name)
    sub(/# [Ss][Kk][Ii][Pp] */, "", name)
    result(verdict, name)
}
/^1\.\.0 # [Ss][Kk][Ii][Pp]/ {
    result("skipped", substr($0, 6))
}

# ctest:  3/17 Test  #3: Layout.RoundTrip .....   Passed    0.01 sec
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
    name = $0
    sub(/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: /, "", name)
    sub(/ \.\.+.*/, "", name)
    result(/ Passed +[0-9.]+ sec/ ? "passed" : (/\*\*\*(Skipped|Not Run \(Disabled\))/ ? "skipped" : "failed"), name)
}

# pg_regress before 16:  test decode                   ... ok           15 ms
/^(test |     )[^ ]+ +\.\.\. / {
    name = $0
    sub(/^(test )? */, "", name)
    sub(/ .*/, "", name)
    result(/ \.\.\. ok( |$)/ ? "passed" : "failed", name)
}
