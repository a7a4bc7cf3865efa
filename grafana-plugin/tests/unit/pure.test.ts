import { describe, expect, test } from '@jest/globals';

import { currentTriage, incidentPath, toApiError } from '../../src/api/client';
import { blocks } from '../../src/authority/PolicyText';
import { moved } from '../../src/authority/VerdictGrid';
import { problems } from '../../src/config/settings';
import { classesFor, withType } from '../../src/config/Targets';
import { DataSource, expand } from '../../src/datasource/datasource';
import { limitOf } from '../../src/datasource/QueryEditor';
import { complete } from '../../src/datasource/types';
import { at } from '../../src/incident/EventsTab';
import { pretty } from '../../src/incident/pretty';
import { gapBetween } from '../../src/incident/StoryTab';
import { askParams, filtered, noFilters, readQuery } from '../../src/incidents/query';
import { pieces } from '../../src/ui/HostileText';
import { lifetime, plainName, tacticName } from '../../src/ui/words';
import { askRange, readRange, writeRange } from '../../src/url/timeRange';
import { incidentAddress, incidentsAddress, routeOf } from '../../src/url/routes';
import { patched } from '../../src/url/useUrlState';

describe('addresses', () => {
  test.each([
    ['/a/openmxdr-app', { page: 'incidents' }],
    ['/a/openmxdr-app/', { page: 'incidents' }],
    ['/a/openmxdr-app/incidents', { page: 'incidents' }],
    ['/a/openmxdr-app/authority', { page: 'authority' }],
    ['/a/openmxdr-app/incidents/i-1', { page: 'incident', id: 'i-1' }],
    ['/a/openmxdr-app/incidents/i-1/x', { page: 'unknown' }],
    ['/a/openmxdr-apps', { page: 'unknown' }],
  ])('%s', (pathname, route) => expect(routeOf(pathname)).toEqual(route));

  test.each(['a/b', 'a b?c#d', 'ü%', '..', '"><x>'])('an incident’s id survives its address: %s', (id) => {
    const { pathname } = new URL(incidentAddress(id, { tab: 'signals' }), 'http://grafana');
    if (id !== '..') {
      expect(routeOf(pathname)).toEqual({ page: 'incident', id });
    }
    expect(incidentPath(id, '/events')).toBe(`/incidents/${encodeURIComponent(id)}/events`);
  });

  test('a pivot keeps what attackers put into an entity inside one parameter', () => {
    const url = new URL(incidentsAddress({ entity: 'user:a&status=closed#x' }), 'http://grafana');
    expect([...url.searchParams.entries()]).toEqual([['entity', 'user:a&status=closed#x']]);
  });

  test('patches', () => {
    expect(patched('?a=1&b=2', { a: undefined, b: '3', c: '4', d: '' })).toBe('?b=3&c=4');
    expect(patched('?a=1', { a: '' })).toBe('');
  });
});

describe('the list’s query', () => {
  const read = (search: string) => readQuery(new URLSearchParams(search));

  test('reads what it knows and leaves out the rest', () => {
    const query = read('?status=new,closed,nonsense&severity=critical&sort=evil&order=up&domain=email&q=x');
    expect(query).toMatchObject({ status: ['new', 'closed'], severity: ['critical'], sort: 'last_seen', order: 'desc', domain: ['email'], q: 'x' });
    expect(filtered(query)).toBe(true);
  });

  test('nothing is a filter until it is set, and clearing clears all', () => {
    expect(filtered(read(''))).toBe(false);
    expect(filtered(read('?sort=score&cursor=x'))).toBe(false);
    expect(filtered(read(patched('?from=now-1d&to=now&q=a&entity=b&assignee=c&status=new&severity=low&confidence=low&domain=saas', noFilters())))).toBe(false);
  });

  test('asks with instants', () => {
    const range = readRange('1772618400000', '1772622000000');
    expect(askParams(read('?status=new,closed'), askRange(range))).toMatchObject({
      from: '2026-03-04T10:00:00.000Z',
      to: '2026-03-04T11:00:00.000Z',
      status: 'new,closed',
      limit: 25,
    });
  });
});

describe('time ranges', () => {
  test.each([
    ['now-7d', 'now'],
    ['1772618400000', '1772622000000'],
  ])('%s to %s go there and back', (from, to) => expect(writeRange(readRange(from, to))).toEqual({ from, to }));

  test('none, and nonsense, mean any time', () => {
    expect(readRange('', '')).toBeUndefined();
    expect(readRange('yesterday-ish', 'x')).toBeUndefined();
    expect(writeRange(undefined)).toEqual({ from: '', to: '' });
    expect(askRange(undefined)).toEqual({});
  });
});

describe('hostile text', () => {
  test('hidden and turning characters are spelled out', () => {
    expect(pieces('a\u202eb\u200bc\u0000')).toEqual([
      { text: 'a', deceptive: false },
      { text: '\\u{202e}', deceptive: true },
      { text: 'b', deceptive: false },
      { text: '\\u{200b}', deceptive: true },
      { text: 'c', deceptive: false },
      { text: '\\u{0000}', deceptive: true },
    ]);
  });

  test.each(['plain', 'Zürich 東京 العربية', 'a\nb\tc', '😀'])('what people write stays: %j', (text) => expect(pieces(text)).toEqual([{ text, deceptive: false }]));

  test('nothing is lost, whatever the text', () => {
    for (let seed = 1; seed < 300; seed++) {
      const text = Array.from({ length: 20 }, (_, i) => String.fromCharCode((seed * 7919 + i * 104729) % 65536)).join('');
      const back = pieces(text)
        .map((piece) => (piece.deceptive ? String.fromCodePoint(parseInt(piece.text.slice(3, -1), 16)) : piece.text))
        .join('');
      expect(back).toBe(text);
    }
  });
});

describe('words', () => {
  test.each([
    [14400, '4 hours'],
    [3600, '1 hour'],
    [86400, '1 day'],
    [90, '90 seconds'],
    [1800, '30 minutes'],
  ])('%d s are %s', (seconds, text) => expect(lifetime(seconds)).toBe(text));

  test('ids become words, everything else stays', () => {
    expect([plainName('provider_lead'), plainName('ai_agent'), plainName('S-1-5-21'), plainName('')]).toEqual(['Provider lead', 'AI agent', 'S-1-5-21', '']);
    expect([tacticName('TA0001'), tacticName('TA9999')]).toEqual(['Initial access', 'TA9999']);
  });

  test.each([
    ['2026-03-04T10:00:00Z', '2026-03-04T10:00:59Z', ''],
    ['2026-03-04T10:00:00Z', '2026-03-04T10:11:30Z', '11 minutes'],
    ['2026-03-04T10:00:00Z', '2026-03-06T11:00:00Z', '2 days'],
    ['2026-03-04T10:00:00Z', undefined, ''],
    ['2026-03-04T10:00:00Z', 'nonsense', ''],
    ['2026-03-04T10:00:00Z', '2026-03-04T09:00:00Z', ''],
  ])('from %s to %s: %j', (before, after, gap) => expect(gapBetween(before, after)).toBe(gap));
});

describe('documents', () => {
  test('nested and flat names', () => {
    expect(at({ event: { action: 'x' } }, 'event.action')).toBe('x');
    expect(at({ 'event.action': 'y' }, 'event.action')).toBe('y');
    expect(at({ event: null }, 'event.action')).toBeUndefined();
    expect(at({}, 'constructor.name')).toBeUndefined();
    expect(at({}, '__proto__.x')).toBeUndefined();
  });

  test.each([{}, [], { a: 1 }, [1, [2, { b: [] }], {}], { 'a"b\\': 'x,y:{z}[]\n\u2028', c: null, d: [true, -1.5e-7, ''] }])('JSON is indented: %j', (value) => {
    expect(pretty(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
  });

  test('deep nesting does not multiply the text', () => {
    expect(pretty('['.repeat(50_000) + ']'.repeat(50_000)).length).toBeLessThan(100_000 * 90);
  });

  test('evidence is not rewritten', () => {
    expect(pretty('{"id":12345678901234567890,"id":1.0,"t":"\\u0041"}')).toBe('{\n  "id": 12345678901234567890,\n  "id": 1.0,\n  "t": "\\u0041"\n}');
    for (const text of ['<14>raw syslog', '12345678901234567890', '"a"', '{"a":', '', '  {"a" 1}']) {
      expect(pretty(text)).toBe(text);
    }
  });
});

describe('failures', () => {
  test('the backend’s own words', () => {
    const err = toApiError({ status: 400, data: { error: { code: 'invalid', message: 'The limit is not valid.', hint: 'Use 1 to 200.' } } });
    expect([err.status, err.code, err.message, err.hint, err.denied]).toEqual([400, 'invalid', 'The limit is not valid.', 'Use 1 to 200.', false]);
  });

  test('Grafana’s words, and none', () => {
    expect(toApiError({ status: 403, data: { message: 'Access denied' } }).denied).toBe(true);
    expect(toApiError({ status: 503 }).message).toBe('The request failed with status 503.');
    expect(toApiError(undefined).status).toBe(0);
    expect(toApiError(new TypeError('Failed to fetch')).message).toBe('Failed to fetch');
  });

  test('a conflict carries what is there by now', () => {
    const triage = { status: 'closed', assignee: 'x', verdict: '', comments: [], version: 'v9' };
    expect(currentTriage(toApiError({ status: 409, data: { error: { code: 'conflict' }, triage } }))).toEqual(triage);
    expect(currentTriage(toApiError({ status: 409, data: {} }))).toBeUndefined();
    expect(currentTriage(toApiError({ status: 400, data: { triage } }))).toBeUndefined();
  });
});

describe('authority', () => {
  test.each([
    ['ArrowRight', { row: 0, column: 1 }],
    ['ArrowLeft', { row: 0, column: 0 }],
    ['ArrowUp', { row: 0, column: 0 }],
    ['ArrowDown', { row: 1, column: 0 }],
    ['End', { row: 0, column: 2 }],
    ['x', undefined],
  ])('%s', (key, place) => expect(moved(key, { row: 0, column: 0 }, 2, 3)).toEqual(place));

  test('a policy file falls into blocks with ids', () => {
    const text = '// Why.\r\n\r\n@id("a")\npermit (principal, action, resource);\n\n\n@id("b")\nforbid (principal, action, resource);\n';
    expect(blocks(text).map((block) => block.id)).toEqual(['', 'a', 'b']);
    expect(blocks(text)[2]?.text).toBe('@id("b")\nforbid (principal, action, resource);');
  });
});

describe('configuration', () => {
  const good = { url: 'https://es:9200', tenant: 'acme' };
  test.each([
    [good, []],
    [{ ...good, url: 'http://a:1, https://b:2' }, []],
    [{ ...good, url: '' }, ['url']],
    [{ ...good, url: 'javascript:alert(1)' }, ['url']],
    [{ ...good, tenant: 'Acme' }, ['tenant']],
    [{ ...good, tenant: '' }, ['tenant']],
    [{ ...good, hours: { start: '8:00' } }, ['hours']],
    [{ ...good, hours: { start: '19:00' } }, ['hours']],
    [{ ...good, targets: [{ type: 'host', match: ' ' }] }, ['targets']],
  ])('%j', (settings, wrong) => expect(Object.keys(problems(settings))).toEqual(wrong));

  test('another type gets a class that fits it', () => {
    expect(withType({ type: 'host', match: 'x', asset_class: 'server', criticality: 'high' }, 'user')).toEqual({ type: 'user', match: 'x', criticality: 'high', identity_class: 'standard' });
    expect(classesFor('ip').classes).toContain('internal');
  });
});

describe('the data source', () => {
  test('its constructor declares exactly one parameter', () => expect(DataSource.length).toBe(1));

  test('queries are completed with what fits', () => {
    expect(complete({})).toMatchObject({ queryType: 'incidents', format: 'table' });
    expect(complete({ queryType: 'metrics', format: 'logs' })).toMatchObject({ format: 'timeseries', metric: 'incidents' });
  });

  test('variables with several values become several, "all" becomes none', () => {
    const replace = (value: string | string[]) => (_text: string, format: (value: string | string[]) => string) => format(value);
    expect(expand('high', replace('never asked'))).toEqual(['high']);
    expect(expand('$s', replace(['a,b', 'c']))).toEqual(['a,b', 'c']);
    expect(expand('$s', replace('.*'))).toEqual([]);
    expect(expand('$s', replace(''))).toEqual([]);
  });

  test.each([
    ['50', 50],
    ['0', undefined],
    ['501', undefined],
    ['x', undefined],
    ['1.5', undefined],
  ])('a limit of %s', (text, limit) => expect(limitOf(text)).toBe(limit));
});
