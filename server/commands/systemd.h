/* systemd.h: what a service manager of systemd's kind gives and wants (sd_listen_fds(3),
 * sd_notify(3)), without its library. Thread: main. */
#ifndef VSOC_SERVER_SYSTEMD_H
#define VSOC_SERVER_SYSTEMD_H

/* The one listening unix socket that the service manager opened (LISTEN_PID, LISTEN_FDS); -1: there
 * is none. The variables are removed. */
int systemd_listen_fd(void);
/* Sends a state such as "READY=1" to the service manager; does nothing without one. */
void systemd_notify(const char *state);

#endif
