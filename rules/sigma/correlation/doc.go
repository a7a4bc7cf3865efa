// Package correlation evaluates Sigma correlations over the matches of single
// rules: event_count, value_count, temporal, temporal_ordered, value_sum,
// value_avg, value_percentile and value_median, with group-by, aliases,
// correlations of correlations and boolean temporal conditions (Sigma
// Correlation Rules Specification 2.1). It does no I/O and reads no clock.
//
// # What a correlation finds
//
// The matches of one tenant, one correlation and one group are ordered by
// event time in nanoseconds; equal times are ordered by the position of the
// rule in the correlation (temporal types), then by event id, then by value.
// An event counts once: a match with the same event id, time and (where they
// matter) rule and value as an earlier one changes nothing.
//
// A window is a maximal run of that order whose first and last time differ by
// no more than the timespan: no neighbour could join without breaking it.
// Windows slide with the events and are not aligned to the clock. A window
// matches if the condition holds for the matches in it. For conditions that
// more events can only make true this is the same as asking whether any stretch
// of events within the timespan fulfils the condition.
//
// Matching windows that share a match belong to one burst. One burst is one
// signal. A burst that goes on is the same signal, which grows, however long
// it lasts; it ends when no further event can share a window with it. This
// definition looks at the set of events only. The order in which they arrived,
// how they were cut into batches and where the process was restarted cannot
// change it.
//
// The id of a signal comes from tenant, correlation, group, and time and id of
// the first event of the burst. Events that arrive in order never change it. A
// late event may put an earlier event at the front, or join two bursts: then
// the signals whose bursts no longer exist are withdrawn (the same id with
// Withdrawn set), and the signal of the new burst replaces them.
//
// # When it says so
//
// Event time is compared with a watermark for each tenant: the latest event
// time seen, by Process or Advance, minus Options.Lateness. It never goes back
// and is part of the snapshot. A match older than the watermark is late: it is
// counted and not used. A match exactly as old as the watermark is used.
//
// Monotone conditions (counts and sums with gt and gte, temporal conditions
// without "not") fire at once and are revised while events arrive. All others
// (lt, lte, eq, neq, averages, percentiles, medians, conditions with "not", and
// windows of a sum that contain a negative number) are decided when the watermark
// has passed the end of the window, first time plus timespan.
//
// A signal is revised when it has twice as many events as were last told, when an event
// brings entities that the signal does not have, when its id changes, and for
// the last time when its burst ends. So a long burst costs few revisions.
//
// # Correlations of correlations
//
// A burst of one correlation is a match of the correlations that refer to it.
// Its event id is the signal id and its fields are the group-by fields. It
// fires at the first time at which the condition held (for conditions decided
// at the watermark: at the last event of the first matching window). Correlations
// that count or measure take the burst once, at that time. To temporal
// correlations it goes on: it matches there and at every later event of the
// burst. So "many failures, then a success" wants the success after the
// failure that made them many, and finds it at the end of an attack of hours too. A
// signal refers to the burst as one event. A correlation over correlations
// works behind a watermark of its own that lags by the timespans below it,
// because until then its matches can still be revised.
//
// # Choices where the specification is silent
//
//   - Two events exactly the timespan apart are within it.
//   - For temporal_ordered, equal times are in order; .100 after .900 of the same
//     second is not.
//   - A group-by field that is absent, null or empty means that the event is
//     in no group. A list puts it in the group of every element, at most
//     [MaxValues] of them; what is left out is counted.
//   - A value field that is absent, or not a number where one is needed, means that
//     the event has nothing to count and is not part of the correlation. Every
//     distinct element of a list is a value.
//   - Sums are exact decimal numbers with nine digits after the point, so the
//     order of adding changes nothing. Numbers beyond ±1e22 are not used.
//   - Percentiles interpolate linearly between the two nearest ranks
//     (PERCENTILE_CONT of SQL); the median is the 50th percentile.
//   - A temporal condition gte: n counts distinct rules. For temporal_ordered
//     it counts the longest chain of rules in the stated order. In a
//     boolean condition of temporal_ordered, the rules that make one
//     alternative true occur in the order of the rules list, and the rules
//     under "not" do not occur in the window.
//
// # Bounds
//
// State older than the watermark minus the timespan is dropped. Beyond that the
// engine holds no more than Options.MaxBytes and Options.MaxEntries. When it has
// more, the correlation (of one tenant) that uses most gives up groups, those
// nearest to their expiry first, until it is no longer the largest or the
// engine is within its limits. A correlation that uses less than an equal share
// therefore never loses anything to a noisy one. One group holds no more than
// Options.MaxGroupEntries matches and gives up its oldest. Everything given up
// is counted for its correlation.
package correlation
