// Package future turns stored forecasts into curves, so that PromQL can be
// asked about times that have not come yet:
//
//	<target>:predicted{ml_forecast="yhat|yhat_lower|yhat_upper", <the subject's labels>}
//	driftcast_forecast_quantile{target, kind, namespace, subject, quantile, <the subject's labels>}
//	driftcast_risk_ratio{target, kind, namespace, subject, horizon, <the subject's labels>}
//
// The first two are about the time of the sample: at a time to come what the
// newest forecast says for it, with straight lines between its leads and nothing
// after the last; at a time that has passed what was said for it one shortest
// horizon ahead. The third is about the time within its horizon after the
// sample, as it was said at the sample's time.
//
// The labels of the subject are those that the user's own series have, so that
// both can be drawn over each other and joined.
package future
