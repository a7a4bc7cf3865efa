// Package store reads and writes what people look at: incidents, signals and
// original events, of one tenant at a time. The collector writes revisions of
// incidents with it, the Grafana backend reads and triages.
//
//	st := store.New(c)                                              // c is a *client.Client
//	page, err := st.Incidents(ctx, tenant, filter, page)            // list, filtered, sorted, paged
//	inc, err := st.Incident(ctx, tenant, id)                        // one, with everything
//	inc, err := st.UpdateTriage(ctx, tenant, id, version, by, change)
//	page, err := st.Signals(ctx, tenant, filter, page)
//	sigs, err := st.SignalsByID(ctx, tenant, ids)
//	evs, err := st.EventsByID(ctx, tenant, refs)
//	series, err := st.IncidentHistogram(ctx, tenant, filter, by, interval)
//	series, err := st.SignalHistogram(ctx, tenant, filter, by, interval)
//	series, err := st.EventHistogram(ctx, tenant, timeRange, by, interval)
//	counts, err := st.IncidentCounts(ctx, tenant, filter, by, size)
//	counts, err := st.SignalCounts(ctx, tenant, filter, by, size)
//
// Everything a caller passes becomes a JSON value in a query of fixed shape.
// Nothing is parsed as a query language, so nothing that a user or an attacker
// writes can change what a query asks. Tenants are validated before they become
// part of an index name; a tenant without any data gives empty results.
package store
