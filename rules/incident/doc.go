// Package incident joins signals that are about the same things into
// incidents, scores them, and tells each one's story.
//
// The final incidents are a pure function of the signals and of people's
// decisions: the order of arrival, the size of batches and restarts change
// neither ids nor edges nor scores. Nothing here reads a clock; all times are
// event times.
//
// # Joining
//
// Every entity of a signal, and each of its aliases, is a key. Two signals of
// one tenant that follow each other on a key within Config.Window are joined
// by it if its weight allows. A key's weight is
//
//	w = base × min(1, free / d)
//
// where d is the number of distinct neighbours the key has had: users, hosts
// and cloud principals, other than itself, in all signals that name it in the
// same stretch of time (one window long, with the stretch before and after).
// base and free belong to the key's type. A strong key (user, cloud principal,
// session, mail message, process, file hash, host) joins alone while
// w ≥ 0.5. A weak key (address, domain) joins only together with a second
// one, each with w ≥ 0.25. So an address that 5,000 people share, a domain
// controller, a scanner and a service account that is used everywhere join
// nothing by themselves, and a user under attack, who has had many signals
// but few neighbours, keeps joining. Distinct neighbours are counted and not
// occurrences, because occurrences cut off the noisy victim first and the
// shared address last.
//
// Joins are taken in the order of event time. One is refused when the two
// sides together would have more than Config.MaxFindings findings or span
// more than Config.MaxSpan, when one side was closed before the other side's
// last signal, or when assignees or verdicts differ. A refusal is named in
// Incident.Related.
//
// Signals of one rule about the same people within one stretch of time that
// count alike form a pile. Only the first and the last of a pile take part in
// joins (Config.MaxListed of them); the others are held and counted. So a rule
// that fires without end costs no more than one that fires now and then.
//
// The id of an incident derives from its earliest signal. When an earlier
// signal arrives late, the incident gets the id of that one, and the old id is
// emitted once more as merged into it.
//
// # Score
//
// A signal counts
//
//	risk × confidence/100 × ½ if the attempt failed × 2^(-age / half-life)
//
// where age is the event time from the signal to the incident's last one: old
// findings fade against new ones, and a replay gives what a live run gave. The
// k-th strongest signal of one rule counts 2^-(k-1) of that, so a rule never
// gives more than twice its strongest signal, however often it fires. A signal
// about an event that a stronger one has counted already counts half: two
// rules that see one event are not two facts. The sum is rounded to whole
// points per rule, and raised by a quarter for each further domain (three at
// most) and a tenth for each further tactic (five at most): independent
// sensors and a progress through the kill chain are what tells an attack from
// noise. The points in Incident.ScoreParts are whole numbers that add up to
// Incident.Score exactly.
//
// An incident opens when the score reaches Config.Threshold with at least two
// rules, or with one signal of severity ≥ 90 and confidence ≥ 50 whose attempt
// did not fail.
//
// # Confidence and severity
//
// Confidence is high with two or more domains and three or more rules, or
// three domains, or one domain with three tactics, three rules and twice the
// threshold; low when every attempt failed or only weak keys hold the
// incident together; else medium. Severity is that of the gravest signal (low
// below 37, medium below 65, high below 90, else critical), one level higher
// when confidence is high and three domains or four tactics take part.
package incident
