#include "textflag.h"

// func valgrindRequest(request *[6]uint64) uint64
// Outside valgrind the instructions leave everything as it was: the turns come to 128
// bits, and the exchange is with itself.
TEXT ·valgrindRequest(SB), NOSPLIT, $0-16
	MOVQ request+0(FP), AX
	MOVQ $0, DX
	ROLQ $3, DI
	ROLQ $13, DI
	ROLQ $61, DI
	ROLQ $51, DI
	XCHGQ BX, BX
	MOVQ DX, ret+8(FP)
	RET
