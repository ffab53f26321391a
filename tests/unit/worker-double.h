/* SPDX-License-Identifier: MIT */
#ifndef MT_TESTS_UNIT_WORKER_DOUBLE_H
#define MT_TESTS_UNIT_WORKER_DOUBLE_H

/* What the misbehaving judge reports in dane_usable after the order "everything". */
#define MT_DOUBLE_OPENED 0x01u
#define MT_DOUBLE_SOCKET 0x02u
#define MT_DOUBLE_SIGNALLED 0x04u
#define MT_DOUBLE_FORKED 0x08u
#define MT_DOUBLE_EXECUTABLE 0x10u
#define MT_DOUBLE_DESCRIPTOR 0x20u

/* An order of this beginning, then "PORT N", is a valid chain of unknown revocation that wants N
 * answers from PORT on loopback. The judge believes the first byte of the first answer: 'g' is
 * good, 'r' revoked, 'c' crashes it; and reports the sum of all bytes in dane_usable. */
#define MT_DOUBLE_FETCH "fetch "

#endif
