# SPDX-License-Identifier: GPL-3.0-or-later
#
# Completion for bash. To be read by ~/.bashrc, or installed as sendmail,
# mailq and flushq in /usr/share/bash-completion/completions.
# contrib/lint/completion holds the options to those of the programs.

_postern_options() {
	case $1 in
	sendmail) echo '--check --config --configure --providers --dry-run --relay --delay --hold --help --version' ;;
	mailq) echo '-C -v -j --json --failed --count --summary --metrics --show --help --version' ;;
	flushq)
		echo '-C -v -a --all --remove --freeze --thaw --retry' \
			'--id --recipient --sender --help --version'
		;;
	esac
}

# _postern_ids [ARGUMENT...]: the first column of mailq, without the marks behind it.
_postern_ids() {
	mailq "$@" 2>/dev/null </dev/null | sed -n 's/^\([0-9A-F]\{12\}\)[*!]\{0,1\} .*/\1/p'
}

# _postern_relays [ARGUMENT...]: the names of the relays in effect.
_postern_relays() {
	sendmail "$@" --config 2>/dev/null </dev/null | sed -n 's/^\[relay \(.*\)\]$/\1/p'
}

_postern() {
	local program=${1##*/} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local place=() room=() check='' i list
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-C) place=(-C "${COMP_WORDS[i + 1]}") ;;
		--failed | --retry) room=(--failed) ;;
		--check) check=yes ;;
		esac
	done
	case $before in
	-C)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--relay)
		list=$(_postern_relays "${place[@]}")
		mapfile -t COMPREPLY < <(compgen -W "$list" -- "$word")
		return
		;;
	--delay)
		mapfile -t COMPREPLY < <(compgen -W '30s 5m 1h 1d' -- "$word")
		return
		;;
	--id | --recipient | --sender | --configure) return ;;
	esac
	if [[ $word == -* ]]; then
		list=$(_postern_options "$program")
	elif [[ $program == sendmail ]]; then
		[[ -n $check ]] || return
		list=$(_postern_relays "${place[@]}")
	else
		list=$(_postern_ids "${place[@]}" "${room[@]}")
		[[ $program != flushq ]] || list+=' all'
	fi
	mapfile -t COMPREPLY < <(compgen -W "$list" -- "$word")
}

complete -F _postern sendmail mailq flushq
