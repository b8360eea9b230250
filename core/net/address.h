/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * address - from an address in text (text/host) to one for the system
 *
 * A zone is looked up when it is used: its interface may come and go.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <sys/socket.h>

#include "text/fault.h"
#include "text/host.h"

/* a: one that is there (family not 0). port: for one that has none. False: this host has no
 * interface of that zone; FAULT_RELAY. */
bool address_fill(const struct host_address *a, int port, struct sockaddr_storage *at,
                  struct fault *f) __attribute__((warn_unused_result));
/* Its length for bind, connect and getnameinfo. */
socklen_t address_len(const struct sockaddr_storage *at);
int address_port(const struct sockaddr_storage *at);
void address_set_port(struct sockaddr_storage *at, int port);

#endif
