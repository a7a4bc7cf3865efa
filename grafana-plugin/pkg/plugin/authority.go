package plugin

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/openmxdr/openmxdr/es-ingest/store"
	"github.com/openmxdr/openmxdr/rules/action"
	"github.com/openmxdr/openmxdr/rules/authority"
)

// Limits of the answers about authority.
const (
	maxAuthorityTargets = 25
	maxCells            = 2500
)

// getIncidentAuthority answers GET /incidents/{id}/authority.
func (in *instance) getIncidentAuthority(r *http.Request) (any, error) {
	i, err := in.incident(r)
	if err != nil {
		return nil, err
	}
	hours := in.config.hours.at(in.now())
	out := IncidentAuthority{
		Items: []ActionAuthority{}, PolicyVersion: in.policies.Version(),
		Severity: i.Severity, Confidence: i.Confidence, Hours: string(hours),
	}
	targets := targetsOf(i)
	out.Omitted = max(len(targets)-maxAuthorityTargets, 0)
	for _, e := range targets[:min(len(targets), maxAuthorityTargets)] {
		target, by := in.config.classify(action.TargetType(e.Type), e.Value)
		for _, act := range in.policies.Catalogue().All() {
			if act.Restores || !act.Applies(target.Type, target.AssetClass) {
				continue
			}
			item := ActionAuthority{
				Action: string(act.ID), ActionName: act.Name, Does: act.Does, Undo: undoOf(act, in.policies.Catalogue()), Risk: string(act.Risk), D3FEND: d3fend(act),
				Target: TargetBody{
					Type: e.Type, Value: e.Value, AssetClass: string(target.AssetClass), IdentityClass: string(target.IdentityClass),
					Criticality: string(target.Criticality), ClassifiedBy: by,
				},
				Verdicts: make([]VerdictBody, 0, len(authority.Actors)),
			}
			for _, actor := range authority.Actors {
				v := in.policies.Decide(authority.Request{
					Tenant: in.config.tenant, Actor: actor, Action: act.ID, Target: target,
					Severity: authority.Level(i.Severity), Confidence: authority.Level(i.Confidence), Hours: hours,
				})
				item.Verdicts = append(item.Verdicts, verdictBody(actor, v))
			}
			out.Items = append(out.Items, item)
		}
	}
	return out, nil
}

// targetsOf lists the entities that something could be done to, each once,
// those in most signals first.
func targetsOf(i store.Incident) []store.IncidentEntity {
	var out []store.IncidentEntity
	seen := map[[2]string]bool{}
	for _, e := range i.Entities {
		key := [2]string{e.Type, e.Value}
		if seen[key] || !slices.Contains(action.TargetTypes, action.TargetType(e.Type)) {
			continue
		}
		seen[key] = true
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b store.IncidentEntity) int { return cmp.Compare(b.Signals, a.Signals) })
	return out
}

// undoOf says in words how an action is taken back.
func undoOf(a action.Action, c *action.Catalogue) string {
	if undo, ok := c.Get(a.Undo.Action); ok {
		return undo.Name
	}
	return a.Undo.None
}

func d3fend(a action.Action) string {
	if len(a.D3FEND) == 0 {
		return ""
	}
	return a.D3FEND[0]
}

func verdictBody(actor authority.Actor, v authority.Verdict) VerdictBody {
	out := VerdictBody{
		Actor: string(actor), Verdict: v.Kind.String(), Reason: v.Reason,
		PolicyID: v.Clause.PolicyID, Clause: v.Clause.Text, ClauseAt: v.Clause.At(), Approvers: []string{},
	}
	if v.Approval != nil {
		for _, a := range v.Approval.Approvers {
			out.Approvers = append(out.Approvers, string(a))
		}
		out.ApprovalsNeeded, out.TTLSeconds, out.OnTimeout = v.Approval.Needed, int64(v.Approval.TTL.Seconds()), v.Approval.OnTimeout
	}
	return out
}

// getMatrix answers GET /authority/matrix. Severity, confidence and hours are
// lists separated by commas; left out they are high, high and business.
// Without target_class all columns are answered.
func (in *instance) getMatrix(r *http.Request) (any, error) {
	if err := in.reader(r); err != nil {
		return nil, err
	}
	q := r.URL.Query()
	var severity, confidence, hours, classes, classIDs []string
	for _, c := range authority.TargetClasses {
		classIDs = append(classIDs, c.ID)
	}
	for _, err := range []error{
		readWords(q, "severity", severities, &severity),
		readWords(q, "confidence", confidences, &confidence),
		readWords(q, "hours", texts(authority.AllHours), &hours),
		readWords(q, "target_class", classIDs, &classes),
	} {
		if err != nil {
			return nil, err
		}
	}
	f := authority.Filter{
		TargetClasses: classes,
		Severities:    levels(severity, authority.LevelHigh),
		Confidences:   levels(confidence, authority.LevelHigh),
		Hours:         []authority.Hours{authority.BusinessHours},
	}
	if len(hours) > 0 {
		f.Hours = nil
		for _, h := range hours {
			f.Hours = append(f.Hours, authority.Hours(h))
		}
	}
	// The number of cells is bounded before they are computed.
	columns := len(classes)
	if columns == 0 {
		columns = len(classIDs)
	}
	perColumn := len(f.Severities) * len(f.Confidences) * len(f.Hours)
	if perColumn > 1 && columns*perColumn > 2*len(classIDs) {
		return nil, errInvalid("Choose one severity, confidence and hours for all columns, or several for one target class.", "That part of the matrix is too large for one answer.")
	}
	cells := in.policies.Matrix(in.config.tenant, f)
	if len(cells) > maxCells {
		return nil, errInvalid("Choose fewer severities, confidences or target classes.", "That part of the matrix is too large for one answer.")
	}
	out := MatrixBody{
		PolicyVersion: in.policies.Version(), Actors: texts(authority.Actors), Severities: severities, Confidences: confidences,
		Hours: texts(authority.AllHours), Actions: []Named{}, TargetClasses: []Named{}, Cells: make([]MatrixCell, 0, len(cells)),
	}
	for _, a := range in.policies.Catalogue().All() {
		out.Actions = append(out.Actions, Named{string(a.ID), a.Name})
	}
	for _, c := range authority.TargetClasses {
		out.TargetClasses = append(out.TargetClasses, Named{c.ID, c.Name})
	}
	for _, c := range cells {
		out.Cells = append(out.Cells, MatrixCell{
			Action: string(c.Action), TargetClass: c.TargetClass, Severity: string(c.Severity), Confidence: string(c.Confidence),
			Hours: string(c.Hours), VerdictBody: verdictBody(c.Actor, c.Verdict),
		})
	}
	return out, nil
}

// levels turns words into levels; none means the fallback.
func levels(words []string, fallback authority.Level) []authority.Level {
	if len(words) == 0 {
		return []authority.Level{fallback}
	}
	out := make([]authority.Level, len(words))
	for i, w := range words {
		out[i] = authority.Level(w)
	}
	return out
}

// getPolicies answers GET /authority/policies.
func (in *instance) getPolicies(r *http.Request) (any, error) {
	if err := in.reader(r); err != nil {
		return nil, err
	}
	out := PoliciesBody{Version: in.policies.Version(), Files: []PolicyFile{}}
	for _, f := range in.policies.Files() {
		out.Files = append(out.Files, PolicyFile{Name: f.Name, Text: f.Text})
	}
	return out, nil
}

func texts[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}
