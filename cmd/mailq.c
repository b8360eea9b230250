/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"
#include "cmd/mailq_main.h"

int main(int argc, char **argv)
{
	file_std_open();
	return mailq_main(argc, argv);
}
