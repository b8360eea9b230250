# SPDX-License-Identifier: GPL-3.0-or-later
# For gdb -x: a program that neither hides from a debugger nor gives up rights.
set confirm off
set breakpoint pending on
break sandbox_hide
commands
	silent
	return
	continue
end
break narrow
commands
	silent
	return (unsigned)0
	continue
end
