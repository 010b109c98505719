package lock

func play(string) {}
