# SPDX-License-Identifier: LGPL-2.1-or-later
# gnuplot -c plot.gp DATA SVG TITLE: a group of bars for each job, a bar for each set-up.
set terminal svg noenhanced size 960,420 font "sans-serif,12" background "#ffffff"
set output ARG2
set title "Seconds for a job in a new process, ".ARG3
set style data histogram
set style histogram cluster gap 1
set style fill solid noborder
set boxwidth 0.9
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set bmargin 5
set yrange [0:*]
set datafile missing "?"
set key top left reverse Left
array colour[6] = ["#1b6ca8", "#12466e", "#7fb3d5", "#b03a2e", "#e59866", "#f5cba7"]
plot for [i=2:7] ARG1 using i:xtic(1) title columnheader(i) lc rgb colour[i-1]
