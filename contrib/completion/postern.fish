# SPDX-License-Identifier: GPL-3.0-or-later
#
# Completion for fish. To be installed as sendmail.fish, mailq.fish and
# flushq.fish (links will do) in /usr/share/fish/vendor_completions.d.
# contrib/lint/completion holds the options to those of the programs.

functions -q __postern_ids; and return

# The words behind -C on the command line, with it.
function __postern_place
    set -l words (commandline -opc)
    if set -l at (contains -i -- -C $words); and test $at -lt (count $words)
        echo -- -C
        echo -- $words[(math $at + 1)]
    end
end

# The first column of mailq, without the marks behind it.
function __postern_ids
    set -l room
    if string match -qr -- '^--(failed|retry)$' (commandline -opc)
        set room --failed
    end
    mailq (__postern_place) $room 2>/dev/null </dev/null |
        string replace -rf '^([0-9A-F]{12})[*!]? .*' '$1'
end

function __postern_relays
    sendmail (__postern_place) --config 2>/dev/null </dev/null |
        string replace -rf '^\[relay (.*)\]$' '$1'
end

complete -c sendmail -f
complete -c sendmail -l relay -x -a '(__postern_relays)' -d 'Use that relay only'
complete -c sendmail -l delay -x -a '30s 5m 1h 1d' -d 'Do not send before then'
complete -c sendmail -l hold -d 'Hold only; flushq sends'
complete -c sendmail -l dry-run -d 'Show envelope, route and message, send nothing'
complete -c sendmail -n '__fish_contains_opt check' -a '(__postern_relays)'
complete -c sendmail -l check -d 'Try all steps to the relays, send nothing'
complete -c sendmail -l config -d 'Print the configuration in effect'
complete -c sendmail -l configure -x -d 'Print a configuration for that address'
complete -c sendmail -l providers -d 'The table of presets'
complete -c sendmail -l help -d 'The list of options'
complete -c sendmail -l version -d 'The version'
complete -c sendmail -s C -r -F -d 'Configuration'
complete -c sendmail -s f -x -d Sender
complete -c sendmail -s t -d 'Recipients from To, Cc and Bcc too'
complete -c sendmail -s i -d 'A single dot does not end the message'
complete -c sendmail -s v -d 'Show the conversation with the server'

complete -c mailq -f -a '(__postern_ids)'
complete -c mailq -s C -r -F -d 'Configuration'
complete -c mailq -s v -d 'Attempts, next try, relay, last reply'
complete -c mailq -s j -l json -d 'One JSON object a message'
complete -c mailq -l failed -d 'The failed messages'
complete -c mailq -l count -d 'The number of messages'
complete -c mailq -l summary -d 'How long mail has been waiting, and why'
complete -c mailq -l metrics -d 'OpenMetrics text for monitoring'
complete -c mailq -l show -x -a '(__postern_ids)' -d 'Envelope, state and message'
complete -c mailq -l help -d 'The list of options'
complete -c mailq -l version -d 'The version'

complete -c flushq -f -a '(__postern_ids) all'
complete -c flushq -s C -r -F -d 'Configuration'
complete -c flushq -s v -d 'Show the conversation with the server'
complete -c flushq -s a -l all -d 'Everything that is not frozen, due or not'
complete -c flushq -l remove -d 'Retract messages'
complete -c flushq -l freeze -d 'Keep messages until they are thawed'
complete -c flushq -l thaw -d 'Undo --freeze'
complete -c flushq -l retry -d 'Put failed messages back'
complete -c flushq -l id -x -d 'Only messages with this in their ID'
complete -c flushq -l recipient -x -d 'The same for a waiting recipient'
complete -c flushq -l sender -x -d 'The same for the sender'
complete -c flushq -l help -d 'The list of options'
complete -c flushq -l version -d 'The version'
