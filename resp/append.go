package resp

import "strconv"

func AppendText(dst []byte, s string) []byte {
	return append(append(append(dst, '+'), s...), "\r\n"...)
}
func AppendError(dst []byte, s string) []byte {
	return append(append(append(dst, '-'), s...), "\r\n"...)
}
func AppendBulk(dst []byte, s string) []byte { return bulk(dst, s) }
func AppendInt(dst []byte, n int64) []byte {
	return append(strconv.AppendInt(append(dst, ':'), n, 10), "\r\n"...)
}
func AppendNull(dst []byte) []byte { return append(dst, "_\r\n"...) }
func AppendArray(dst []byte, n int) []byte {
	return append(strconv.AppendInt(append(dst, '*'), int64(n), 10), "\r\n"...)
}
func AppendMap(dst []byte, n int) []byte {
	return append(strconv.AppendInt(append(dst, '%'), int64(n), 10), "\r\n"...)
}
