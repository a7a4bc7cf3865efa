import { useEffect } from 'react';
import type { RefObject } from 'react';

/** STICKY_TOP is the CSS variable that holds how far below the top something stops. */
export const STICKY_TOP = '--mxdr-top';

/**
 * useStickyTop finds out where a sticky element has to stop. In Grafana 10 a
 * box below the bars scrolls; in later versions the whole document does, and
 * Grafana's bars stay on top of it.
 */
export function useStickyTop(place: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return undefined;
    }
    const measure = () => element.style.setProperty(STICKY_TOP, `${barsAbove(element)}px`);
    measure();
    window.addEventListener('resize', measure);
    return () => window.removeEventListener('resize', measure);
  }, [place]);
}

function barsAbove(element: HTMLElement): number {
  for (let box = element.parentElement; box !== null && box !== document.body; box = box.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(box).overflowY)) {
      return 0;
    }
  }
  const bars = Array.from(document.querySelectorAll('header')).filter((bar) => getComputedStyle(bar).position === 'fixed');
  return Math.max(0, ...bars.map((bar) => bar.getBoundingClientRect().bottom));
}
