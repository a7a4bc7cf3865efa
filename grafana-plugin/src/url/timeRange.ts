import { dateMath, dateTime, rangeUtil } from '@grafana/data';
import type { TimeRange } from '@grafana/data';

// A range in the address is what Grafana writes there: "now-7d", or
// milliseconds since 1970. No range means any time.

function read(value: string): string {
  return /^\d{1,15}$/.test(value) ? new Date(Number(value)).toISOString() : value;
}

/** readRange turns the address's two ends into a range; undefined means any time. */
export function readRange(from: string, to: string): TimeRange | undefined {
  if (from === '' && to === '') {
    return undefined;
  }
  const ends = [read(from || 'now-7d'), read(to || 'now')] as const;
  if (!dateMath.isValid(ends[0]) || !dateMath.isValid(ends[1])) {
    return undefined;
  }
  const raw = ends.map((end) => (end.includes('now') ? end : dateTime(end)));
  return rangeUtil.convertRawToRange({ from: raw[0] ?? ends[0], to: raw[1] ?? ends[1] });
}

function write(value: TimeRange['raw']['from']): string {
  return typeof value === 'string' ? value : String(value.valueOf());
}

/** writeRange is the address's form of a range. */
export function writeRange(range: TimeRange | undefined): { from: string; to: string } {
  if (range === undefined || !range.from?.isValid?.()) {
    return { from: '', to: '' };
  }
  return { from: write(range.raw.from), to: write(range.raw.to) };
}

/** askRange is what the backend is asked: two instants in UTC (RFC 3339). */
export function askRange(range: TimeRange | undefined): { from?: string; to?: string } {
  return range === undefined ? {} : { from: range.from.toISOString(), to: range.to.toISOString() };
}
