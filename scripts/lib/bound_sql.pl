#!/usr/bin/perl
# Checks that the names in the extension's SQL scripts can mean one thing only, whatever others have created before in
# the schema in which the extension is installed.
#
#     bound_sql.pl snowflake_*--*.sql     prints FILE:LINE: PROBLEM; status 1 if there is one
#
# test/lint/bound_sql.t shows that it notices what it should.
#
# CREATE EXTENSION looks names up in pg_catalog, then in the install schema. Of several functions of one name it takes
# the one whose argument types match best. So a user who may create functions in that schema can put one in the way:
# beside our f(regclass) an f(oid), and a view with f(x), x an oid, calls it with the rights of whoever reads the view.
#
# | in expressions, queries and bodies | what is bound                                                              |
# |------------------------------------|----------------------------------------------------------------------------|
# | calls                              | pg_catalog.f(...); of functions of the scripts: f(), f(x::type), where the |
# |                                    | casts (none for TRUE, FALSE) are the argument types that f was declared    |
# |                                    | with, all of them                                                          |
# | operators                          | OPERATOR(pg_catalog.=), and nothing that stands for one: IN, LIKE, NULLIF… |
# | relations                          | pg_catalog.r, and those that the scripts create                            |
#
# | statements       | rule                                                                                         |
# |------------------|----------------------------------------------------------------------------------------------|
# | CREATE           | no OR REPLACE, no IF NOT EXISTS: they would take over what somebody else created             |
# | CREATE FUNCTION  | SECURITY DEFINER and EXECUTE need SET search_path = pg_catalog, pg_temp; bodies without it   |
# |                  | are read like a view                                                                         |
# | DO               | its body is read like a view; no EXECUTE                                                     |
# | SET              | none: a name that is found by a setting is not bound                                         |
# | GRANT, COMMENT … | look functions up by their exact argument types: nothing to check                            |
#
# It reads tokens rather than parse trees, and a statement of a kind that it does not know is a problem.
package BoundSql;

use strict;
use warnings FATAL => 'all';

# --- words -----------------------------------------------------------------------------------------------------------

sub words { return map { $_ => 1 } split ' ', shift }

# Statements that name functions by their exact argument types, or not at all.
my $without_expressions = qr/^(?:
    comment | grant | revoke | drop
  | create\ (?:type|operator|cast|sequence)
  | alter\ (?:function|procedure|routine|aggregate|operator|type|sequence|view)
  )\b/x;

my $with_expressions = qr/^(?:
    select | insert | update | delete | with | values | call
  | create\ (?:materialized\ )?view | create\ (?:unlogged\ )?table | create\ (?:unique\ )?index
  | create\ (?:constraint\ )?trigger | create\ policy | create\ domain | alter\ table
  )\b/x;

# Words of the grammar that may stand before a parenthesis, and are no function then.
my %no_call = words q(
    all and any array as by case cast check coalesce conflict cube default distinct do else elsif end except exclude
    exists extract filter from generated greatest group grouping having if in include intersect is join key lateral
    least like limit loop materialized not offset on or order over partition recursive return returning rollup row
    select set sets some then trim union unique using values when where while with within
    bit char character dec decimal float interval nchar numeric time timestamp varchar varying);

# Words that compare by whatever operator of that name is found.
my %comparison = words 'between ilike like natural nullif similar';

my %ends_from = words q(
    except fetch for group having intersect limit offset order returning select set union values where window
    with);

my %alias_of_type = (
    bool => 'boolean', int => 'integer', int2 => 'smallint', int4 => 'integer', int8 => 'bigint', float4 => 'real',
    float8 => 'double precision', 'character varying' => 'varchar', 'timestamp with time zone' => 'timestamptz',
    'timestamp without time zone' => 'timestamp', 'time without time zone' => 'time', decimal => 'numeric');

# --- tokens ----------------------------------------------------------------------------------------------------------

# { kind, text, line }. Kinds: word (in lower case), quoted, string, number, operator, mark.
sub tokens_of
{
    my ($sql, $line) = @_;
    my @tokens;
    pos($sql) = 0;
    while (pos($sql) < length $sql)
    {
        my $begin = pos $sql;
        my ($kind, $text) = next_token(\$sql) or die "line $line: cannot read this";
        push @tokens, { kind => $kind, text => $text, line => $line } if $kind;
        $line += substr($sql, $begin, pos($sql) - $begin) =~ tr/\n//;
    }
    return @tokens;
}

sub next_token
{
    my ($sql) = @_;
    for ($$sql)
    {
        return ('', '') if /\G\s+/gc || /\G--[^\n]*/gc || /\G^\\echo[^\n]*/gcm;
        return ('', '') if m{\G(/\*(?:[^*/]++|\*(?!/)|/(?!\*)|(?1))*\*/)}gc;
        return ('string', $2) if /\G(\$(?:[a-z_]\w*)?\$)(.*?)\g1/gcsi;
        return ('string', $1) if /\Ge'((?:[^'\\]|''|\\.)*)'/gcsi;
        return ('string', $1) if /\G(?:[bxn]|u&)?'((?:[^']|'')*)'/gcsi;
        return ('quoted', $1) if /\G(?:u&)?"((?:[^"]|"")*)"/gci;
        return ('word', lc $1) if /\G(\@extschema(?::\w+)?\@|[a-z_\x80-\xff][\w\$\x80-\xff]*)/gci;
        return ('number', $1) if /\G(\$\d+|\d+(?:\.(?!\.)\d*)?(?:e[-+]?\d+)?|\.\d+)/gci;
        return ('mark', $1) if /\G(::|:=|\.\.|[()\[\],;.:])/gc;
        return ('operator', $1) if m{\G((?:(?!--|/\*)[-+*/<>=~!@\#%^&|`?])+)}gc;
    }
    return;
}

# Up to each semicolon outside of parentheses and of BEGIN ATOMIC … END.
sub statements_of
{
    my @statements = ([]);
    my ($depth, $blocks, $before) = (0, 0, '');
    for my $token (@_)
    {
        my $text = $token->{kind} eq 'string' ? '' : $token->{text};
        $depth += ($text eq '(') - ($text eq ')');
        $blocks++ if $text eq 'atomic' && $before eq 'begin' || $text eq 'case' && $blocks;
        $blocks-- if $text eq 'end' && $blocks;
        $before = $text;
        if ($text eq ';' && !$depth && !$blocks) { push @statements, [] }
        else { push @{ $statements[-1] }, $token }
    }
    return grep { @$_ } @statements;
}

sub is_name { return $_[0] && ($_[0]{kind} eq 'word' || $_[0]{kind} eq 'quoted') }
sub is { return $_[0] && $_[0]{kind} ne 'string' && $_[0]{kind} ne 'quoted' && $_[0]{text} eq $_[1] }
sub text_of { return $_[0] && $_[0]{kind} ne 'string' ? $_[0]{text} : '' }
sub head_of { return join ' ', map { text_of($_) } @{ $_[0] }[0 .. ($#{ $_[0] } < 4 ? $#{ $_[0] } : 4)] }

# The place of the parenthesis that closes the one at $at.
sub closing
{
    my ($tokens, $at) = @_;
    my $depth = 0;
    for my $i ($at .. $#$tokens)
    {
        $depth += (is($tokens->[$i], '(') || is($tokens->[$i], '['));
        $depth -= (is($tokens->[$i], ')') || is($tokens->[$i], ']'));
        return $i if !$depth;
    }
    die "line $tokens->[$at]{line}: a parenthesis is not closed";
}

# The lists of tokens between the commas of a parenthesis.
sub items_in
{
    my ($tokens, $open) = @_;
    my $close = closing($tokens, $open);
    return if $close == $open + 1;
    my @items = ([]);
    for (my $i = $open + 1; $i < $close; $i++)
    {
        if (is($tokens->[$i], ',')) { push @items, []; next }
        my $end = $tokens->[$i]{text} =~ /^[(\[]$/ && $tokens->[$i]{kind} eq 'mark' ? closing($tokens, $i) : $i;
        push @{ $items[-1] }, @$tokens[$i .. $end];
        $i = $end;
    }
    return @items;
}

# --- types -----------------------------------------------------------------------------------------------------------

# One spelling for each type. Schema and modifiers do not tell types of one name apart.
sub type_of
{
    my @tokens = @_;
    splice @tokens, 0, 2 if @tokens > 2 && is($tokens[1], '.') && $tokens[0]{text} =~ /^(?:pg_catalog|\@extschema\@)$/;
    my $type = join ' ', map { $_->{kind} eq 'quoted' ? qq("$_->{text}") : $_->{text} } @tokens;
    $type =~ s/ ?\( [^)]*\)//;
    my $array = $type =~ s/ ?\[ ?\d* ?\]//g ? '[]' : '';
    return ($alias_of_type{$type} // $type) . $array;
}

# The type that an argument is cast to, if it is one value with a cast around all of it, or TRUE or FALSE.
sub cast_of
{
    my @tokens = @_;
    return 'boolean' if @tokens == 1 && text_of($tokens[0]) =~ /^(?:true|false)$/;
    my $i = 0;
    if (is($tokens[0], '(')) { $i = closing(\@tokens, 0) + 1 }
    elsif (is($tokens[0], 'array') && is($tokens[1], '[')) { $i = closing(\@tokens, 1) + 1 }
    elsif (is_name($tokens[0]))
    {
        $i = 1;
        $i += 2 while is($tokens[$i], '.') && is_name($tokens[ $i + 1 ]);
        $i = closing(\@tokens, $i) + 1 if is($tokens[$i], '(');
    }
    else { $i = 1 }
    $i = closing(\@tokens, $i) + 1 while is($tokens[$i], '[');
    my $type;
    while (is($tokens[$i], '::'))
    {
        my $begin = ++$i;
        $i++ while $i < @tokens && !is($tokens[$i], '::') && $tokens[$i]{kind} =~ /^(?:word|quoted|number|mark)$/;
        $type = type_of(@tokens[ $begin .. $i - 1 ]);
    }
    return $i == @tokens ? $type : undef;
}

# The type of a declared argument, undef if it is none that a caller gives. [IN] [name] type [DEFAULT …]
sub declared_type
{
    my @tokens = @_;
    return if is($tokens[0], 'out');
    my $variadic = is($tokens[0], 'variadic');
    shift @tokens if $variadic || is($tokens[0], 'in') || is($tokens[0], 'inout');
    for my $i (0 .. $#tokens)
    {
        next if !is($tokens[$i], 'default') && !is($tokens[$i], '=') && !is($tokens[$i], ':=');
        splice @tokens, $i;
        last;
    }
    my $with_name = @tokens > 1 && is_name($tokens[1]) && !$alias_of_type{ type_of(@tokens) }
      && type_of(@tokens) !~ /^(?:double precision|(?:timestamp|time) with)/;
    shift @tokens if $with_name;
    return ($variadic ? 'variadic ' : '') . type_of(@tokens);
}

# --- what the scripts declare ----------------------------------------------------------------------------------------

my (%functions, %relations, @problems); # name => { types => 1 }; name => 1

sub complain { push @problems, { line => $_[0]{line}, text => $_[1] } }

sub declare
{
    my ($tokens) = @_;
    my $head = head_of($tokens);
    if ($head =~ /^create (?:or replace )?(?:function|procedure)/)
    {
        my $open = opening($tokens);
        my @types = grep { defined } map { declared_type(@$_) } items_in($tokens, $open);
        $functions{ $tokens->[ $open - 1 ]{text} }{ join ', ', @types } = 1;
    }
    elsif ($head =~ /^create (?:(?:materialized|unlogged) )?(?:view|table|sequence) (\S+)/) { $relations{$1} = 1 }
}

# The first parenthesis.
sub opening
{
    my ($tokens) = @_;
    for (0 .. $#$tokens) { return $_ if is($tokens->[$_], '(') }
    die "line $tokens->[0]{line}: no parenthesis";
}

# --- checks ----------------------------------------------------------------------------------------------------------

sub check_statement
{
    my ($tokens) = @_;
    my $head = head_of($tokens);
    my $all = join ' ', map { text_of($_) } @$tokens;
    complain($tokens->[0], 'OR REPLACE takes over what somebody else created') if $head =~ /^create or replace/;
    complain($tokens->[0], 'IF NOT EXISTS takes over what somebody else created') if $all =~ /\bif not exists\b/;
    if ($head =~ /^create (?:or replace )?(?:function|procedure)/) { check_function($tokens) }
    elsif ($head =~ /^do\b/) { check_body($_, 'DO') for grep { $_->{kind} eq 'string' } @$tokens }
    elsif ($head =~ /^set|^reset/) { complain($tokens->[0], 'a setting: names must be bound without it') }
    elsif ($head =~ $with_expressions) { check_expressions($tokens, 0, $#$tokens) }
    elsif ($head !~ $without_expressions && $head !~ /^create or replace/)
    {
        complain($tokens->[0], "a statement of a kind that bound_sql.pl does not know: $head");
    }
}

sub check_function
{
    my ($tokens) = @_;
    my $open = opening($tokens);
    my $close = closing($tokens, $open);
    check_expressions($_, default_of($_), $#$_) for items_in($tokens, $open);

    my @options = @$tokens[ $close + 1 .. $#$tokens ];
    my $options = join ' ', map { $_->{kind} eq 'string' ? "'" : $_->{text} } @options;
    my $safe = $options =~ /\bset search_path (?:=|to) pg_catalog , pg_temp(?! ,)/;
    complain($tokens->[0], 'SET search_path of a function: only pg_catalog, pg_temp')
      if !$safe && $options =~ /\bset search_path\b/;
    complain($tokens->[0], 'SECURITY DEFINER without SET search_path = pg_catalog, pg_temp')
      if !$safe && $options =~ /\bsecurity definer\b/;

    my ($language) = $options =~ /\blanguage (\w+)/;
    return if $safe || defined $language && $language =~ /^(?:c|internal)$/;
    for my $i (0 .. $#options)
    {
        return check_expressions(\@options, $i + 1, $#options)
          if is($options[$i], 'atomic') || is($options[$i], 'return');
        return check_body($options[ $i + 1 ], 'a function without SET search_path')
          if is($options[$i], 'as') && $options[ $i + 1 ]{kind} eq 'string';
    }
    complain($tokens->[0], 'a function whose body bound_sql.pl does not find');
}

# Where the default of an argument begins; behind its end if it has none.
sub default_of
{
    my ($argument) = @_;
    for (0 .. $#$argument)
    {
        return $_ + 1 if is($argument->[$_], 'default') || is($argument->[$_], '=');
    }
    return scalar @$argument;
}

# Code in a string, SQL or PL/pgSQL.
sub check_body
{
    my ($string, $where) = @_;
    my @tokens = tokens_of($string->{text}, $string->{line});
    for (@tokens) { complain($_, "EXECUTE in $where: its text cannot be read here") if is($_, 'execute') }
    check_expressions(\@tokens, 0, $#tokens);
}

# Calls, operators and relations in these tokens.
sub check_expressions
{
    my ($tokens, $first, $last) = @_;
    my $head = head_of($tokens);
    my $at = sub { $_[0] < $first || $_[0] > $last ? undef : $tokens->[ $_[0] ] };
    for (my $i = $first; $i <= $last; $i++)
    {
        my ($token, $next) = ($at->($i), $at->($i + 1));
        if (is($token, 'operator') && is($next, '('))
        {
            complain($token, 'an operator of a schema other than pg_catalog') if !is($at->($i + 2), 'pg_catalog');
            $i = closing($tokens, $i + 1);
        }
        elsif ($token->{kind} eq 'operator') { check_operator($at, $i, $head) }
        elsif ($token->{kind} eq 'string')
        {
            complain($token, 'search_path: names must be bound without it') if $token->{text} eq 'search_path';
        }
        elsif (is_name($token) && is($next, '(')) { check_call($tokens, $at, $i, $head) }
        check_word($at, $i, $head) if $token->{kind} eq 'word';
    }
    check_relations($tokens, $first, $last) if $head !~ /^create (?:unique )?index|^create trigger|^create policy/;
}

sub check_operator
{
    my ($at, $i, $head) = @_;
    my ($token, $before) = ($at->($i), text_of($at->($i - 1)));
    my $begins = $before =~ /^(?:|\(|\[|,|:=|select|distinct|returning|all|when|then|else|and|or|not|return|default)$/;
    return if $token->{text} eq '=>';
    return if $token->{text} eq '*' && ($begins || $before eq '.');
    return if $token->{text} =~ /^[-+]$/ && $begins && ($at->($i + 1) // {})->{kind} eq 'number'; # a constant
    return if $token->{text} eq '=' && is($at->($i - 2), 'set') && $head =~ /^(?:update|with|insert)\b/;
    complain($token, "operator $token->{text} is not bound: OPERATOR(pg_catalog.$token->{text})");
}

sub check_word
{
    my ($at, $i, $head) = @_;
    my ($token, $before, $next) = ($at->($i), text_of($at->($i - 1)), text_of($at->($i + 1)));
    my $word = $token->{text};
    return if $before eq '.' || $before eq 'as' && $word ne 'case'; # a name
    complain($token, uc($word) . ' uses an operator that is not bound')
      if $comparison{$word} && $next ne ''
      || $word eq 'in' && $next eq '('
      || $word eq 'using' && $next eq '(' && $head !~ /^create policy|^alter table/
      || $word eq 'case' && $next ne 'when'
      || $word eq 'distinct' && $next eq 'from';
}

sub check_call
{
    my ($tokens, $at, $i, $head) = @_;
    my $begin = $i;
    $begin -= 2 while is($at->($begin - 1), '.') && is_name($at->($begin - 2));
    my $name = $at->($i)->{text};
    my $schema = join '.', map { $_->{text} } grep { is_name($_) } @$tokens[ $begin .. $i - 1 ];
    my $before = $at->($begin - 1);
    return if $schema eq '' && $at->($i)->{kind} eq 'word' && ($no_call{$name} || $comparison{$name});
    return if is_list_of_columns($before, $head);
    my $is_trigger = $head =~ /^create (?:constraint )?trigger/ && text_of($before) =~ /^(?:function|procedure)$/;
    return if $schema eq 'pg_catalog';
    return complain($at->($i), "$schema.$name() is in a schema that others may own")
      if $schema !~ /^(?:\@extschema\@)?$/;
    return complain($at->($i), "$name() is not bound: pg_catalog.$name(), or a function of this script")
      if !$functions{$name};
    my @types = $is_trigger ? () : map { cast_of(@$_) } items_in($tokens, $i + 1);
    return complain($at->($i), "$name(): each argument needs a cast, as in x::type") if grep { !defined } @types;
    my $types = join ', ', @types;
    complain($at->($i), "$name($types) is not what this script declares: $name("
        . join("), $name(", sort keys %{ $functions{$name} }) . ')')
      if !$functions{$name}{$types};
}

# Whether a name and a parenthesis after this token are a relation or an alias with its columns, or a type.
sub is_list_of_columns
{
    my ($before, $head) = @_;
    my $word = text_of($before);
    return 1 if $word =~ /^(?:as|view|table|into|references|with|recursive|\)|::)$/;
    return $head =~ /^create (?:unique )?index/ && $word =~ /^(?:on|using)$/;
}

# The relations that a query names: after FROM and its commas, JOIN, INSERT INTO, UPDATE.
sub check_relations
{
    my ($tokens, $first, $last) = @_;
    my %known = (%relations, names_of_with($tokens, $first, $last));
    my @levels = ({ list => 0, expects => 0 });
    for my $i ($first .. $last)
    {
        my ($text, $before) = (text_of($tokens->[$i]), $i > $first ? text_of($tokens->[ $i - 1 ]) : '');
        my $level = $levels[-1];
        my $expects = $level->{expects};
        $level->{expects} = 0;
        if ($text eq '(')
        {
            my $special = $before eq 'extract' || $before eq 'trim'; # their FROM is another
            push @levels, { list => $expects, expects => $expects, special => $special };
        }
        elsif ($text eq ')') { pop @levels if @levels > 1 }
        elsif (is($tokens->[$i], 'from'))
        {
            @$level{qw(list expects)} = (1, 1) if $before ne 'distinct' && !$level->{special};
        }
        elsif (is($tokens->[$i], 'join')) { $level->{expects} = 1 }
        elsif (is($tokens->[$i], 'into')) { $level->{expects} = $before eq 'insert' }
        elsif (is($tokens->[$i], 'update')) { $level->{expects} = $before !~ /^(?:for|do|key)$/ }
        elsif ($text eq ',') { $level->{expects} = $level->{list} }
        elsif ($text =~ /^(?:only|lateral)$/) { $level->{expects} = $expects }
        elsif ($ends_from{$text}) { $level->{list} = 0 }
        elsif ($expects && is_name($tokens->[$i])) { check_relation($tokens, $i, $last, \%known) }
    }
}

sub check_relation
{
    my ($tokens, $i, $last, $known) = @_;
    my $end = $i;
    $end += 2 while $end + 2 <= $last && is($tokens->[ $end + 1 ], '.') && is_name($tokens->[ $end + 2 ]);
    return if $end < $last && is($tokens->[ $end + 1 ], '(') && !is($tokens->[ $i - 1 ], 'into'); # a function
    my $schema = $end > $i ? $tokens->[$i]{text} : '';
    my $name = $tokens->[$end]{text};
    return if $schema =~ /^(?:pg_catalog|information_schema)$/;
    complain($tokens->[$i], "$schema.$name is in a schema that others may own") if $schema !~ /^(?:\@extschema\@)?$/;
    complain($tokens->[$i], "relation $name is not bound: pg_catalog.$name, or one of this script")
      if $schema =~ /^(?:\@extschema\@)?$/ && !$known->{$name};
}

# WITH name AS (…), name (columns) AS (…)
sub names_of_with
{
    my ($tokens, $first, $last) = @_;
    my $text = join ' ', map { text_of($_) } @$tokens[ $first .. $last ];
    my $as = qr/as (?:(?:not )?materialized )?\(/;
    return map { $_ => 1 } $text =~ /(?:\bwith|\brecursive|,) (\w+) (?:\( [^()]* \) )?$as/g;
}

# --- the whole -------------------------------------------------------------------------------------------------------

# Problems of scripts, each { file, line, text }. They are read together: one may call what another declares.
sub problems_of
{
    my %sql = @_;
    my (%statements, @found);
    (%functions, %relations) = ();
    $statements{$_} = [statements_of(tokens_of($sql{$_}, 1))] for keys %sql;
    declare($_) for map { @$_ } values %statements;
    for my $file (sort keys %sql)
    {
        @problems = ();
        check_statement($_) for @{ $statements{$file} };
        push @found, map { { file => $file, %$_ } } @problems;
    }
    return @found;
}

sub slurp
{
    my ($file) = @_;
    open my $handle, '<', $file or die "$file: $!";
    local $/;
    return <$handle>;
}

sub main
{
    die "usage: $0 FILE…\n" if !@_;
    my @found = problems_of(map { $_ => slurp($_) } @_);
    print "$_->{file}:$_->{line}: $_->{text}\n" for @found;
    exit(@found > 0);
}

main(@ARGV) if !caller;
1;
