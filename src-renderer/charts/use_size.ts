import { type RefObject, useEffect, useRef, useState } from 'react';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size of an element in whole CSS pixels; zero before it is laid out. React renders when it changes, once a frame at most. */
export function useSize<E extends HTMLElement>(): { readonly element: RefObject<E | null>; readonly size: Size } {
  const element = useRef<E>(null);
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const node = element.current;
    if (node === null) return;
    let frame = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        const next = { width: node.clientWidth, height: node.clientHeight };
        setSize((now) => (now.width === next.width && now.height === next.height ? now : next));
      });
    });
    observer.observe(node);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
    };
  }, []);
  return { element, size };
}
