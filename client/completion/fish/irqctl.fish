# SPDX-License-Identifier: Apache-2.0
# fish completion for irqctl(1)

set -l verbs report events alerts show rates top flame metrics status snapshot selftest set
set -l times '10m 1h today yesterday boot'
set -l kinds 'irq-delay hardirq softirq softirq-latency affinity alert collector'
set -l findings 'irq-off-culprit syn-flood udp-flood small-packet-flood irq-storm softnet-drops unexplained-window steal platform-stall slow-hardirq slow-softirq softirq-starved ksoftirqd-saturated time-squeeze irq-on-isolated-cpu irq-imbalance softirq-imbalance windows-not-recorded spurious-interrupts collector-degraded coverage-low collector-gap affinity-changed idle-exit not-recorded'

function __irqctl_verb -V verbs -d 'Whether the verb is one of the arguments; without any, whether there is none yet'
    for word in (commandline -opc)[2..-1]
        if contains -- $word $verbs
            contains -- $word $argv
            return
        end
    end
    test -z "$argv"
end

complete -c irqctl -f

complete -c irqctl -n __irqctl_verb -a report -d 'What held interrupts off, and what ate softirq time'
complete -c irqctl -n __irqctl_verb -a events -d 'Windows and other events, one line each'
complete -c irqctl -n __irqctl_verb -a alerts -d 'Alerts that are raised, and those that were'
complete -c irqctl -n __irqctl_verb -a show -d 'Everything of one event, with its stacks'
complete -c irqctl -n __irqctl_verb -a rates -d 'Softirqs, interrupts, CPU time or packets as rates'
complete -c irqctl -n __irqctl_verb -a top -d 'Live rates per CPU, lateness and the last windows'
complete -c irqctl -n __irqctl_verb -a flame -d 'Stacks of windows as a flame graph'
complete -c irqctl -n __irqctl_verb -a metrics -d 'Counters and histograms for Prometheus'
complete -c irqctl -n __irqctl_verb -a status -d 'State, costs, losses and settings of the daemon'
complete -c irqctl -n __irqctl_verb -a snapshot -d 'Write a span into a file, to be read elsewhere'
complete -c irqctl -n __irqctl_verb -a selftest -d 'Prove that windows are found and measured right'
complete -c irqctl -n __irqctl_verb -a set -d 'Change a setting of the running daemon'

complete -c irqctl -s H -l host -x -a '(__fish_print_hostnames)' -d 'Ask another machine, over ssh'
complete -c irqctl -l input -r -F -d 'Read a snapshot or captures'
complete -c irqctl -s S -l since -x -a $times -d 'Begin of the span'
complete -c irqctl -s U -l until -x -a $times -d 'End of the span'
complete -c irqctl -l boot -x -a '0 -1' -d 'Only that boot'
complete -c irqctl -l list-boots -d 'Boots that there is history of'
complete -c irqctl -l cpu -x -d 'Only these CPUs'
complete -c irqctl -l json -x -a 'pretty short' -d 'Print JSON'
complete -c irqctl -s j -d 'Print JSON, one line'
complete -c irqctl -l no-pager -d 'Do not use a pager'
complete -c irqctl -l color -x -a 'always never auto' -d 'Use colour'
complete -c irqctl -l socket -r -F -d 'Socket of irqwatchd'
complete -c irqctl -s h -l help -d 'Show help'

complete -c irqctl -n '__irqctl_verb alerts' -l rules -d 'The rules instead'

complete -c irqctl -n '__irqctl_verb events' -s f -l follow -d 'Go on with new events'
complete -c irqctl -n '__irqctl_verb events' -s n -l lines -x -d 'Only the newest'
complete -c irqctl -n '__irqctl_verb events' -l after -x -d 'Only events after that one'
complete -c irqctl -n '__irqctl_verb events flame' -l kind -x -a $kinds -d 'Only these kinds'
complete -c irqctl -n '__irqctl_verb events flame' -l culprit -x -d 'Only windows of this culprit'
complete -c irqctl -n '__irqctl_verb events' -l format -x -a 'table diagnose-tools' -d 'Form of the output'

complete -c irqctl -n '__irqctl_verb flame metrics snapshot' -s o -l output -r -F -d 'Write there'
complete -c irqctl -n '__irqctl_verb flame' -s i -r -F -d 'Folded stacks or diagnose-tools text'
complete -c irqctl -n '__irqctl_verb flame' -l folded -d 'Folded stacks instead of SVG'
complete -c irqctl -n '__irqctl_verb flame' -l weight -x -a 'time count' -d 'What widths mean'
complete -c irqctl -n '__irqctl_verb flame' -l title -x -d 'Title of the graph'

complete -c irqctl -n '__irqctl_verb report' -l against -x -a 'yesterday last-week before' -d 'What changed since then'
complete -c irqctl -n '__irqctl_verb report' -l html -r -F -d 'Write a page'
complete -c irqctl -n '__irqctl_verb report' -l finding -x -a $findings -d 'Only this finding, with all of it'

complete -c irqctl -n '__irqctl_verb rates' -a 'softirqs interrupts cpu ksoftirqd softnet netdev tcp pressure hardirqs softirq-wait calls tasklets timers'
complete -c irqctl -n '__irqctl_verb rates' -l rate -d 'Per second'
complete -c irqctl -n '__irqctl_verb rates' -l all -d 'With zeros'
complete -c irqctl -n '__irqctl_verb rates' -l sort -x -a 'rate name' -d 'Order of rows'
complete -c irqctl -n '__irqctl_verb rates' -l metric -x -d 'Metric of the source'
complete -c irqctl -n '__irqctl_verb rates' -l step -x -a '10s 1m 10m 1h' -d 'A line per step'
complete -c irqctl -n '__irqctl_verb rates' -l row -x -d 'With --step: only these rows'
complete -c irqctl -n '__irqctl_verb rates' -l per-cpu -d 'With --step: a column per CPU'
complete -c irqctl -n '__irqctl_verb rates' -l latency -d 'Histograms of durations'
complete -c irqctl -n '__irqctl_verb rates top' -l total -d 'Counts instead of rates'

complete -c irqctl -n '__irqctl_verb metrics' -l format -x -a 'text openmetrics' -d 'Form of the output'
complete -c irqctl -n '__irqctl_verb metrics' -l interrupts-per-cpu -x -d 'Also per CPU'

complete -c irqctl -n '__irqctl_verb top' -s d -l delay -x -a '1s 2s 5s' -d 'Time between updates'
complete -c irqctl -n '__irqctl_verb top' -l at -x -a $times -d 'What was shown then'
complete -c irqctl -n '__irqctl_verb top' -l span -x -a '10s 1m 10m 1h' -d 'Show a longer span'
complete -c irqctl -n '__irqctl_verb top' -l group -x -a 'cpu node source device' -d 'A line per'
complete -c irqctl -n '__irqctl_verb top' -l sort -x -d 'Sort by that column'
complete -c irqctl -n '__irqctl_verb top' -l filter -x -d 'CPUs, or part of a name'
complete -c irqctl -n '__irqctl_verb top' -s b -l batch -d 'Print instead of taking the terminal'
complete -c irqctl -n '__irqctl_verb top' -s n -l iterations -x -d 'End after so many updates'

complete -c irqctl -n '__irqctl_verb show' -a last -d 'The newest window'

complete -c irqctl -n '__irqctl_verb selftest' -l lengths -x -d 'Window lengths'
complete -c irqctl -n '__irqctl_verb selftest' -l runs -x -d 'Windows of each length'
complete -c irqctl -n '__irqctl_verb selftest' -l heartbeat -x -d 'Period of the heartbeat'
complete -c irqctl -n '__irqctl_verb selftest' -l threshold -x -d 'Shortest window to be found'
complete -c irqctl -n '__irqctl_verb selftest' -l context -x -a 'ipi process' -d 'Where interrupts are held off'
complete -c irqctl -n '__irqctl_verb selftest' -l idle -d 'Leave the CPU idle'
complete -c irqctl -n '__irqctl_verb selftest' -l inject -x -d 'Only hold interrupts off for that long'
complete -c irqctl -n '__irqctl_verb selftest' -l count -x -d 'That many times'
