import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Button, Icon, LoadingPlaceholder, useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';

import type { ApiError } from '../api/client';
import type { Resource } from '../api/useResource';

interface WhenReadyProps<T> {
  resource: Resource<T>;
  /** What is being read, as in "Reading incidents". */
  what: string;
  children: (data: T) => ReactNode;
}

/** WhenReady shows the answer, or that it is awaited, refused or failed. */
export function WhenReady<T>({ resource, what, children }: WhenReadyProps<T>) {
  if (resource.error !== undefined) {
    return <Failure error={resource.error} what={what} onRetry={resource.reload} />;
  }
  if (resource.data === undefined) {
    return (
      <div role="status" aria-live="polite">
        <LoadingPlaceholder text={`Reading ${what} …`} />
      </div>
    );
  }
  return <>{children(resource.data)}</>;
}

/** Failure says what went wrong and what to do; a refusal looks different from a fault. */
export function Failure({ error, what, onRetry }: { error: ApiError; what: string; onRetry?: () => void }) {
  if (error.denied) {
    return (
      <Notice icon="lock" title={`You may not see ${what}`}>
        <p>{error.message}</p>
        {error.hint !== '' && <p>{error.hint}</p>}
      </Notice>
    );
  }
  return (
    <Alert severity="error" title={`Cannot read ${what}`}>
      <p>{error.message}</p>
      {error.hint !== '' && <p>{error.hint}</p>}
      {onRetry !== undefined && (
        <Button size="sm" variant="secondary" icon="sync" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

/** Notice fills the place where there is nothing to show. */
export function Notice({ icon, title, children }: { icon: 'lock' | 'search' | 'shield' | 'info-circle' | 'question-circle'; title: string; children?: ReactNode }) {
  const styles = useStyles2(getStyles);
  return (
    <div className={styles.notice} role="status">
      <Icon name={icon} size="xxl" />
      <h3 className={styles.title}>{title}</h3>
      {children}
    </div>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  notice: css({
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    gap: theme.spacing(1),
    padding: theme.spacing(5, 2),
    color: theme.colors.text.secondary,
    textAlign: 'center',
    p: { margin: 0, maxWidth: 560 },
  }),
  title: css({ ...theme.typography.h4, color: theme.colors.text.primary, margin: 0 }),
});
