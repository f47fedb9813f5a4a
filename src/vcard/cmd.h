/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The commands. Each takes its own name as ARGV[0] and returns the exit code.
 */
#ifndef JPKI_VCARD_CMD_H
#define JPKI_VCARD_CMD_H

int cmd_new(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_status(int argc, char **argv);

#endif
