import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { useStyles2 } from '@grafana/ui';
import type { ReactNode } from 'react';
import { Link } from 'react-router-dom';

/** AppLink leads to another page of the app. Its address is always one of ours. */
export function AppLink({ to, children, title }: { to: string; children: ReactNode; title?: string }) {
  const styles = useStyles2(getStyles);
  return (
    <Link to={to} className={styles.link} title={title}>
      {children}
    </Link>
  );
}

const getStyles = (theme: GrafanaTheme2) => ({
  link: css({ color: theme.colors.text.link, '&:hover': { textDecoration: 'underline', color: theme.colors.text.link } }),
});
