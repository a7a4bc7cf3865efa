package rulescmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/openmxdr/openmxdr/internal/event"
	"github.com/openmxdr/openmxdr/rules/content"
	"github.com/openmxdr/openmxdr/rules/sigma"
)

const (
	chunkBytes  = 256 << 10 // what one worker takes at a time
	maxLine     = 16 << 20  // longer lines are reported and passed over
	maxReported = 20        // faulty lines that are named one by one
)

// evaluator holds what all workers share.
type evaluator struct {
	rules        *sigma.Collection
	routing      bool
	placeholders map[string][]string
	matched      bool

	flat shape
	ecs  func() (shape, error)
}

// shape is an engine for events of one shape with what belongs to it.
type shape struct {
	engine  *sigma.Engine
	fields  *event.Fields
	decoder *sigma.Decoder
	prefix  map[*sigma.Rule][]byte // a match's output but for the line number
}

// eval reads NDJSON and writes a JSON object for every match, in the order of
// the lines. An event is flat with Sigma's own field names, a Windows event
// ("Event": {"System": …, "EventData": …}), or an ECS document (it has
// event.dataset), whatever comes.
func eval(c *call) int {
	var paths pathList
	c.flags.Var(&paths, "rules", "rule `file` or folder; may be given several times")
	routing := c.flags.Bool("logsource-routing", false, "leave out rules whose product, category or service conflicts with the event's")
	placeholders := c.flags.String("placeholders", "", "YAML `file` with the values of placeholders: a map from names to lists")
	matched := c.flags.Bool("matched", false, "list the fields and values that matched")
	workers := c.flags.Int("workers", runtime.GOMAXPROCS(0), "how many lines are worked on at once")
	if status, ok := c.parse(); !ok {
		return status
	}
	if len(paths) == 0 || *workers < 1 {
		c.flags.Usage()
		return 2
	}
	values, err := readPlaceholders(*placeholders)
	if err != nil {
		return c.failf("%v", err)
	}
	started := time.Now()
	all, problems, err := loadRules(paths)
	if err != nil {
		return c.failf("%v", err)
	}
	ev := &evaluator{rules: all, routing: *routing, placeholders: values, matched: *matched}
	more, err := ev.compile()
	if err != nil {
		return c.failf("%v", err)
	}
	problems = append(problems, more...)
	loaded := time.Since(started)
	if len(ev.flat.engine.Rules()) == 0 {
		for _, p := range problems {
			fmt.Fprintln(c.stderr, p.Error())
		}
		return c.failf("not one rule can be used")
	}

	inputs := []io.Reader{c.stdin}
	if c.flags.NArg() > 0 {
		inputs = nil
		for _, name := range c.flags.Args() {
			f, err := os.Open(name)
			if err != nil {
				return c.failf("%v", err)
			}
			defer f.Close()
			inputs = append(inputs, f)
		}
	}
	started = time.Now()
	sum, err := ev.run(io.MultiReader(inputs...), c.stdout, c.stderr, *workers)
	spent := time.Since(started)
	fmt.Fprintf(c.stderr, "%d rules in %v, %d left out (mxdr rules lint says why); %d events in %v, %.0f a second; %d matches; %d lines could not be read\n",
		len(ev.flat.engine.Rules()), loaded.Round(time.Millisecond), len(problems), sum.events, spent.Round(time.Millisecond),
		float64(sum.events)/max(spent.Seconds(), 1e-9), sum.matches, sum.failed)
	if err != nil {
		return c.failf("%v", err)
	}
	if sum.failed > 0 {
		return 1
	}
	return 0
}

// compile makes the engine for flat events now and that for ECS documents when
// the first one comes.
func (e *evaluator) compile() ([]sigma.Problem, error) {
	maps, err := sigma.ParseFieldMap(content.FieldMaps(), ".")
	if err != nil {
		return nil, err
	}
	make1 := func(o sigma.Options) (shape, []sigma.Problem, error) {
		s := shape{fields: event.NewFields(), prefix: map[*sigma.Rule][]byte{}}
		o.FieldMap, o.Placeholders = maps, e.placeholders
		var problems []sigma.Problem
		s.engine, problems = sigma.Compile(e.rules, s.fields, o)
		s.decoder = sigma.NewDecoder(s.engine)
		for _, r := range s.engine.Rules() {
			p, err := json.Marshal(struct {
				RuleID string   `json:"rule_id"`
				Title  string   `json:"rule_title"`
				Level  string   `json:"level,omitempty"`
				Tags   []string `json:"tags,omitempty"`
			}{r.Key(), r.Title, r.Level, r.Tags})
			if err != nil {
				return s, nil, fmt.Errorf("rule %s: %w", r.Key(), err)
			}
			s.prefix[r] = append(p[:len(p)-1], `,"line":`...)
		}
		return s, problems, nil
	}
	flat, ecs := sigma.Options{SigmaNames: true}, sigma.Options{}
	if e.routing {
		flat.Routing, ecs.Routing = sigma.RouteConflicts, sigma.RouteDeclared
	}
	var problems []sigma.Problem
	e.flat, problems, err = make1(flat)
	e.ecs = sync.OnceValues(func() (shape, error) {
		s, _, err := make1(ecs)
		return s, err
	})
	return problems, err
}

// looksECS tells a document of the Elastic Common Schema from other events.
func looksECS(line []byte) bool {
	if bytes.Contains(line, []byte(`"event.dataset"`)) {
		return true
	}
	return bytes.Contains(line, []byte(`"dataset"`)) && bytes.Contains(line, []byte(`"event"`))
}

// chunk is a run of whole lines on its way through a worker.
type chunk struct {
	buf     []byte // the memory that data is in
	data    []byte
	line    int // number of the first line, from 1
	out     []byte
	faults  []string
	sum     summary
	done    chan struct{}
	tooLong bool // it stands for one line that is too long
}

type summary struct{ events, matches, failed int }

// run reads, matches and writes; the output is in the order of the input.
func (e *evaluator) run(in io.Reader, out, errOut io.Writer, workers int) (summary, error) {
	jobs := make(chan *chunk, workers)
	order := make(chan *chunk, 4*workers)
	var readErr error
	free := make(chan *chunk, 8*workers) // chunks to be used again: their memory is the only garbage there is
	go func() {
		defer close(order)
		defer close(jobs)
		readErr = readChunks(in, free, func(c *chunk) {
			c.done = make(chan struct{})
			order <- c
			jobs <- c
		})
	}()
	for range workers {
		go func() {
			w := &worker{evaluator: e}
			for c := range jobs {
				w.do(c)
				close(c.done)
			}
		}()
	}
	var sum summary
	var writeErr error
	for c := range order {
		<-c.done
		for _, f := range c.faults {
			if sum.failed++; sum.failed <= maxReported {
				fmt.Fprintln(errOut, f)
			}
		}
		sum.events += c.sum.events
		sum.matches += c.sum.matches
		if writeErr == nil && len(c.out) > 0 {
			_, writeErr = out.Write(c.out)
		}
		select {
		case free <- c:
		default:
		}
	}
	return sum, errors.Join(readErr, writeErr)
}

// readChunks cuts the input at line ends. It takes memory from free while there
// is any.
func readChunks(in io.Reader, free <-chan *chunk, yield func(*chunk)) error {
	var rest []byte
	line := 1
	for {
		c := &chunk{}
		select {
		case c = <-free:
			*c = chunk{buf: c.buf, out: c.out[:0]}
		default:
		}
		if size := len(rest) + chunkBytes; cap(c.buf) < size {
			c.buf = make([]byte, size)
		}
		c.buf = c.buf[:len(rest)+chunkBytes]
		n := copy(c.buf, rest)
		m, err := io.ReadFull(in, c.buf[n:])
		buf := c.buf[:n+m]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return fmt.Errorf("input: %w", err)
		}
		cut := len(buf)
		if !last {
			cut = bytes.LastIndexByte(buf, '\n') + 1
		}
		c.line = line
		if cut == 0 && len(buf) > maxLine {
			c.tooLong = true
			yield(c)
			line++
			if rest, err = afterNewline(in); err != nil {
				return err
			}
			continue
		}
		// What is left is copied before the chunk is handed on and used again.
		rest = append(make([]byte, 0, len(buf)-cut), buf[cut:]...)
		if cut > 0 {
			c.data = buf[:cut]
			line += bytes.Count(c.data, []byte{'\n'})
			yield(c)
		}
		if last {
			return nil
		}
	}
}

func afterNewline(in io.Reader) ([]byte, error) {
	buf := make([]byte, chunkBytes)
	for {
		n, err := in.Read(buf)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return buf[i+1 : n], nil
		}
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("input: %w", err)
		}
	}
}

// worker has the memory that matching needs.
type worker struct {
	*evaluator
	states [2]state // flat, ECS
}

type state struct {
	shape
	ev      *event.Event
	scratch sigma.Scratch
	buffer  sigma.Buffer
}

func (w *worker) do(c *chunk) {
	if c.tooLong {
		c.faults = append(c.faults, fmt.Sprintf("line %d: longer than %d bytes", c.line, maxLine))
		return
	}
	number := c.line
	for data := c.data; len(data) > 0; number++ {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		c.sum.events++
		if err := w.line(c, line, number); err != nil {
			c.faults = append(c.faults, fmt.Sprintf("line %d: %v", number, err))
		}
	}
}

func (w *worker) line(c *chunk, line []byte, number int) error {
	st := &w.states[0]
	if looksECS(line) {
		st = &w.states[1]
	}
	if st.ev == nil {
		st.shape = w.flat
		if st == &w.states[1] {
			var err error
			if st.shape, err = w.ecs(); err != nil {
				return err
			}
		}
		st.ev = event.New(st.fields)
	}
	matches, err := st.decoder.Match(line, st.ev, &st.scratch, &st.buffer)
	if err != nil {
		return err
	}
	for _, m := range matches {
		if m.Silent {
			continue
		}
		c.sum.matches++
		c.out = append(c.out, st.prefix[m.Rule]...)
		c.out = strconv.AppendInt(c.out, int64(number), 10)
		if w.matched {
			list := []matchedField{}
			for _, f := range m.Fields() {
				list = append(list, matchedField{f.Field, f.Value})
			}
			raw, err := json.Marshal(list)
			if err != nil {
				return err
			}
			c.out = append(append(c.out, `,"matched":`...), raw...)
		}
		c.out = append(c.out, "}\n"...)
	}
	return nil
}

type matchedField struct {
	Field string `json:"field"`
	Value string `json:"value"`
}
