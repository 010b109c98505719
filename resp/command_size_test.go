package resp

import (
	"testing"
	"unsafe"
)

func TestACommandIsCopiedInWholeSteps(t *testing.T) {
	if size := unsafe.Sizeof(Command{}); unsafe.Sizeof(uintptr(0)) == 8 && size%16 != 0 {
		t.Errorf("%d bytes, not a multiple of 16", size)
	}
}
