# Draws what the dashboard shows of the faults of 030_alerts.pl, after scripts/test monitoring:
#     gnuplot -e "data = 'build/monitoring/panels'; target = 'docs/dashboard.svg'" test/monitoring/picture.gp
# data has panels.tsv (number, type, unit, title), and for each panel N.tsv: a block of (series, time, value) for each.
set encoding utf8
set datafile separator "\t"
set datafile missing "NaN"

words = 0x475569
set border 0
set tics scale 0 textcolor rgb words
set grid linecolor rgb "#e2e8f0" linetype 1 linewidth 1
set title textcolor rgb "#0f172a" font ",13" offset 0,-0.4
set key outside right top vertical samplen 1 font ",9" textcolor rgb words
