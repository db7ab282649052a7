package corrector_test

func crashArgs() []string { return nil }
func crashChild()         {}
