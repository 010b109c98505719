package mq_test

// runHelper runs this binary as a worker process of a test, if it was started as one.
func runHelper() bool { return false }
