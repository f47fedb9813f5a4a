/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Signals that wait: for moments at which the command must not end, since something would be left
 * behind - a card that is logged in, or half a file.
 */
#ifndef JPKI_CLI_HOLD_H
#define JPKI_CLI_HOLD_H

/* From here on SIGINT, SIGTERM and SIGHUP wait. So do SIGTSTP (^Z) and SIGTTOU, which a message
 * from the background brings after "stty tostop", as a stopped program would keep the card for
 * itself; and SIGPIPE, with which nobody has to send a signal: it is enough that nobody reads our
 * messages any more. SIGQUIT (^\) still ends a command that hangs. Calls may be nested. */
void hold_begin(void);

/* After the last of as many of these, what has waited has its effect: the command may end here. */
void hold_end(void);

#endif
