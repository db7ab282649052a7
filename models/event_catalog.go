package models

// eventCatalog lists the models of events, naive first.
func eventCatalog() []Model {
	return []Model{BaseRate{}, TimeSince{}, BaseRate{PerSubject: true}, Logistic{Recurrence: true}, Logistic{}, Hazard{}, Forest{}, Network{}}
}

// eventDecoder returns the decoder of a kind of event model, nil for others.
func eventDecoder(kind string) func(payload []byte) (Fitted, error) {
	switch kind {
	case BaseRate{}.Name():
		return decodeEvent(kind, unpackConstantRate)
	case BaseRate{PerSubject: true}.Name():
		return decodeEvent(kind, unpackSubjectRate)
	case TimeSince{}.Name():
		return decodeEvent(kind, unpackTimeSince)
	case Logistic{}.Name(), Logistic{Recurrence: true}.Name():
		return decodeEvent(kind, unpackLogistic)
	case kindBreach:
		return decodeBreach
	case Hazard{}.Name():
		return decodeEvent(kind, unpackHazard)
	case Forest{}.Name():
		return decodeEvent(kind, unpackForest)
	case Network{}.Name():
		return decodeEvent(kind, unpackNetwork)
	}
	return nil
}
