// Package simulate writes the life of a made-up company in vendors' own log
// formats: people who sign in, read mail, open files and run programs, with
// an attack planted among them. The same options give the same records, byte
// for byte; nothing in it reads a clock.
package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Source names the vendor format of a record.
type Source string

// The sources that a company has.
const (
	Okta       Source = "okta"       // Okta System Log
	M365       Source = "m365"       // Microsoft 365 unified audit log
	CloudTrail Source = "cloudtrail" // AWS CloudTrail
	Windows    Source = "windows"    // Windows events as NXLog ships them
	Zeek       Source = "zeek"       // Zeek JSON logs
)

// Record is one raw vendor record and when it happened.
type Record struct {
	Time   time.Time
	Source Source
	Raw    []byte // one JSON object, no newline
	// Chain names the attack that the record belongs to, "" for ordinary
	// life. It is the ground truth and never part of Raw.
	Chain string
}

// Options say what to write.
type Options struct {
	Seed  uint64
	End   time.Time     // the last day's midnight is derived from it, in UTC
	Days  int           // days of ordinary life before and including the last, 1–400
	Staff int           // people, 3–200
	Delay time.Duration // how long before End the attack's last step is; default five minutes
	// Attack plants a business e-mail compromise on the last day.
	Attack bool
}

// Domain is the made-up company's mail domain.
const Domain = "nordlicht-werke.example"

// Company writes the records of a company in the order of time.
func Company(o Options) ([]Record, error) {
	if o.Days < 1 || o.Days > 400 || o.Staff < 3 || o.Staff > 200 {
		return nil, fmt.Errorf("simulate: %d days and %d people: want 1–400 days and 3–200 people", o.Days, o.Staff)
	}
	if o.Delay == 0 {
		o.Delay = 5 * time.Minute
	}
	c := &company{
		rng:   rand.New(rand.NewPCG(o.Seed, o.Seed^0x9e3779b97f4a7c15)),
		end:   o.End.UTC(),
		staff: people(o.Staff),
	}
	first := c.end.Truncate(24*time.Hour).AddDate(0, 0, 1-o.Days)
	for d := range o.Days {
		c.day(first.AddDate(0, 0, d), d)
	}
	if o.Attack {
		c.businessEmailCompromise(c.end.Add(-o.Delay))
	}
	c.records = slices.DeleteFunc(c.records, func(r Record) bool { return r.Time.After(c.end) })
	slices.SortStableFunc(c.records, func(a, b Record) int { return cmp.Compare(a.Time.UnixNano(), b.Time.UnixNano()) })
	return c.records, nil
}

type company struct {
	rng     *rand.Rand
	end     time.Time
	staff   []person
	records []Record
	chain   string
	serial  int
}

// person is a member of staff with habits that hold for the whole time.
type person struct {
	name, login, mail string
	id                int
	laptop            string
	home              network
	agent             string
	downloads         int // files on an ordinary day
}

type network struct {
	ip            string
	asn           int
	org           string
	city, country string
	lat, lon      float64
}

var office = network{"198.51.100.17", 64496, "Nordlicht Werke AG", "Hamburg", "Germany", 53.55, 9.99}

var firstNames = []string{"Ana", "Bela", "Chidi", "Dorte", "Emre", "Freya", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lena", "Milo", "Nadia", "Omar", "Petra", "Quirin", "Rosa", "Sven", "Tala"}
var lastNames = []string{"Albers", "Brandt", "Celik", "Dietz", "Ekdal", "Falk", "Groth", "Hinrichs", "Ibsen", "Jensen"}

var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
}

func people(n int) []person {
	out := make([]person, n)
	for i := range out {
		first, last := firstNames[i%len(firstNames)], lastNames[(i/len(firstNames)+i)%len(lastNames)]
		login := fmt.Sprintf("%s.%s", lower(first), lower(last))
		out[i] = person{
			name: first + " " + last, login: login, mail: login + "@" + Domain, id: i,
			laptop: fmt.Sprintf("NW-LT-%03d", i+1),
			home: network{
				fmt.Sprintf("203.0.113.%d", i+10), 64500 + i%3, []string{"Elbnetz", "Kielwasser Telekom", "Hansekabel"}[i%3],
				"Hamburg", "Germany", 53.5, 10.0,
			},
			agent: agents[i%len(agents)], downloads: 1 + i%4,
		}
	}
	return out
}

func lower(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] >= 'A' && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// day is one ordinary day. Nobody works on Sundays.
func (c *company) day(date time.Time, n int) {
	if date.Weekday() == time.Sunday {
		return
	}
	for _, p := range c.staff {
		if n > 2 && c.rng.IntN(12) == 0 {
			continue // a day off
		}
		at := date.Add(7*time.Hour + time.Duration(c.rng.IntN(120*60))*time.Second)
		from := office
		if n%5 == p.id%5 {
			from = p.home
		}
		c.okta(at, p, from, p.agent, "user.session.start", "User login to Okta", "SUCCESS")
		if c.rng.IntN(9) == 0 {
			c.okta(at.Add(-20*time.Second), p, from, p.agent, "user.session.start", "User login to Okta", "FAILURE")
		}
		c.okta(at.Add(time.Minute), p, from, p.agent, "user.authentication.sso", "User single sign on to app", "SUCCESS")
		for range 2 + c.rng.IntN(4) {
			c.exchange(c.within(at), p, from, "MailItemsAccessed", nil)
		}
		for range p.downloads {
			c.sharepoint(c.within(at), p, from, "FileDownloaded")
		}
		for range 1 + c.rng.IntN(4) {
			c.sharepoint(c.within(at), p, from, "FileAccessed")
		}
		for range 1 + c.rng.IntN(3) {
			c.process(c.within(at), p)
			c.connection(c.within(at), p)
		}
		if p.id == 1 && n == 3 {
			c.exchange(c.within(at), p, from, "New-InboxRule", []param{
				{"Name", "Newsletters"}, {"SubjectContainsWords", "newsletter"}, {"MoveToFolder", "Newsletters"},
			})
		}
		if p.id == 2 && n == 12 { // moved house: new network, same person
			c.okta(at.Add(11*time.Hour), p, network{"192.0.2.200", 64511, "Alsterfunk", "Lübeck", "Germany", 53.87, 10.69}, p.agent, "user.session.start", "User login to Okta", "SUCCESS")
		}
	}
	for h := range 12 {
		c.cloudtrail(date.Add(time.Duration(h)*2*time.Hour + time.Duration(c.rng.IntN(3600))*time.Second))
	}
}

// within gives a moment of the working day that began at t.
func (c *company) within(t time.Time) time.Time {
	return t.Add(2*time.Minute + time.Duration(c.rng.IntN(8*3600))*time.Second)
}

// businessEmailCompromise ends at last: a sign-in with a stolen session from
// a rented server abroad, a rule that forwards invoices to a mailbox outside,
// and the download of a whole folder.
func (c *company) businessEmailCompromise(last time.Time) {
	c.chain = "business_email_compromise"
	defer func() { c.chain = "" }()
	victim := c.staff[len(c.staff)/2]
	from := network{"192.0.2.66", 64666, "Brisk Hosting Ltd", "Vilnius", "Lithuania", 54.69, 25.28}
	const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"
	signIn := last.Add(-35 * time.Minute)
	c.okta(signIn, victim, from, agent, "user.session.start", "User login to Okta", "SUCCESS")
	c.okta(signIn.Add(40*time.Second), victim, from, agent, "user.authentication.sso", "User single sign on to app", "SUCCESS")
	c.exchange(signIn.Add(6*time.Minute), victim, from, "MailItemsAccessed", nil)
	c.exchange(signIn.Add(9*time.Minute), victim, from, "New-InboxRule", []param{
		{"Name", "."}, {"SubjectOrBodyContainsWords", "invoice;payment;IBAN"},
		{"ForwardTo", "accounts@nordlicht-werke-billing.example"}, {"StopProcessingRules", "True"},
	})
	const files = 60
	for i := range files {
		c.sharepointFile(last.Add(-time.Duration(files-1-i)*4*time.Second), victim, from, "FileDownloaded",
			fmt.Sprintf("Contracts/Supplier contract %02d.pdf", i+1))
	}
}

type object = map[string]any

type param struct{ Name, Value string }

func (c *company) emit(at time.Time, s Source, doc object) {
	raw, err := json.Marshal(doc)
	if err != nil { // maps of strings and numbers always marshal
		panic(err)
	}
	c.records = append(c.records, Record{Time: at, Source: s, Raw: raw, Chain: c.chain})
}

// uuid is unique within a company and depends on nothing but the options.
func (c *company) uuid() string {
	c.serial++
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", c.rng.Uint32(), c.rng.IntN(1<<16), c.rng.IntN(1<<12), c.rng.IntN(1<<12), c.serial)
}
