import { dateTimeFormat, dateTimeFormatTimeAgo } from '@grafana/data';

const format = 'YYYY-MM-DD HH:mm:ss';

/** known tells that a backend's time is one: empty and Go's zero time are not. */
export function known(time: string | undefined): time is string {
  return time !== undefined && time !== '' && !time.startsWith('0001-') && !Number.isNaN(Date.parse(time));
}

/** Instant shows a time in the user's time zone; the tooltip has it in UTC. */
export function Instant({ time }: { time: string | undefined }) {
  if (!known(time)) {
    return <>unknown</>;
  }
  return (
    <time dateTime={time} title={`${new Date(time).toISOString()} (UTC)`} style={{ whiteSpace: 'nowrap' }}>
      {dateTimeFormat(time, { format })}
    </time>
  );
}

/** Ago shows how long ago a time was. */
export function Ago({ time }: { time: string | undefined }) {
  if (!known(time)) {
    return <>unknown</>;
  }
  return (
    <time dateTime={time} title={dateTimeFormat(time, { format })} style={{ whiteSpace: 'nowrap' }}>
      {dateTimeFormatTimeAgo(time)}
    </time>
  );
}
