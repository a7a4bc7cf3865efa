package document

// SetString, SetInt and SetBool turn n into a scalar; children are lost.
func (d *Document) SetString(n Node, s string) {
	x := &d.nodes[n]
	*x = node{key: x.key, next: x.next, kind: String, str: s}
}

// SetInt turns n into an integer.
func (d *Document) SetInt(n Node, i int64) {
	x := &d.nodes[n]
	*x = node{key: x.key, next: x.next, kind: Int, num: uint64(i)}
}

// SetBool turns n into a boolean.
func (d *Document) SetBool(n Node, b bool) {
	x := &d.nodes[n]
	*x = node{key: x.key, next: x.next, kind: Bool}
	if b {
		x.num = 1
	}
}

// SetKey renames n.
func (d *Document) SetKey(n Node, key string) {
	d.nodes[n].key = key
	for i := 0; i < len(key) && !d.dotted; i++ {
		d.dotted = key[i] == '.'
	}
}

// AddObject appends an empty object as member key of parent, or makes it the
// root of an empty document if parent is None.
func (d *Document) AddObject(parent Node, key string) (Node, error) {
	n, err := d.add(parent, key, Object)
	if err == nil && parent == None && d.root == None {
		d.root = n
	}
	return n, err
}

// AddString appends a string as member key of parent.
func (d *Document) AddString(parent Node, key, text string) (Node, error) {
	n, err := d.add(parent, key, String)
	if err == nil {
		d.nodes[n].str = text
	}
	return n, err
}

// Detach takes child n out of parent and tells whether it was there. The node
// stays usable and can be attached elsewhere with Attach.
func (d *Document) Detach(parent, n Node) bool {
	prev := None
	for c := d.nodes[parent].first; c != None; prev, c = c, d.nodes[c].next {
		if c != n {
			continue
		}
		next := d.nodes[c].next
		if prev == None {
			d.nodes[parent].first = next
		} else {
			d.nodes[prev].next = next
		}
		if d.nodes[parent].last == c {
			d.nodes[parent].last = prev
		}
		d.nodes[parent].num--
		d.nodes[c].next = None
		return true
	}
	return false
}

// Attach appends the detached node n to parent, an object or array.
func (d *Document) Attach(parent, n Node) { d.attach(parent, n) }

// TakeChildren empties object or array n and returns the first of its former
// children, which still hang together through Next.
func (d *Document) TakeChildren(n Node) Node {
	first := d.nodes[n].first
	d.nodes[n].first, d.nodes[n].last, d.nodes[n].num = None, None, 0
	return first
}

// AttachAlone appends n to parent and cuts n's tie to its former siblings.
func (d *Document) AttachAlone(parent, n Node) {
	d.nodes[n].next = None
	d.attach(parent, n)
}

// MakeObject turns n into an empty object.
func (d *Document) MakeObject(n Node) {
	x := &d.nodes[n]
	*x = node{key: x.key, next: x.next, kind: Object}
}

// SetRoot makes n the root of the document.
func (d *Document) SetRoot(n Node) { d.root = n }
