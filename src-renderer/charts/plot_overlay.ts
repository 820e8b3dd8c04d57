import { layOutLabels, layOutMarks } from './label_layout.ts';
import type { PlotArea } from './plot_area.ts';

/**
 * What lies over a chart's canvas: labels where curves end, marks, cursors, the texts of the time axis. DOM elements, written
 * directly and reused: they take their colours from CSS, text is text, and moving a cursor repaints no chart.
 */

export interface EndLabel {
  readonly text: string;
  /** Current value, written fainter behind the text. */
  readonly value?: string;
  /** Where the curve ends, pixels from the plot's top. */
  readonly y: number;
  /** CSS variable of the curve's colour; without one the label has no swatch. */
  readonly colour?: string;
  /** Labels of least weight go first when there is no room. */
  readonly weight: number;
}

export interface OverlayMark {
  /** Pixels from the plot's left. */
  readonly x: number;
  readonly text: string;
  readonly width: number;
}

export interface OverlayCursor {
  readonly x: number;
  readonly text: string;
  /** Points on the curves, pixels from the plot's top. */
  readonly dots: readonly { readonly y: number; readonly colour: string }[];
}

const LABEL_PX = 14;
const MARK_GAP_PX = 4;
const HALF_LETTER_PX = 3;

export class PlotOverlay {
  private readonly labels: Pool;
  private readonly marks: Pool;
  private readonly ticks: Pool;
  private readonly cursors: Pool;
  private area: PlotArea = { left: 0, top: 0, width: 0, height: 0 };
  private right = 0;

  private readonly root: HTMLElement;

  constructor(root: HTMLElement) {
    this.root = root;
    this.ticks = new Pool(root, 'plot-tick');
    this.marks = new Pool(root, 'plot-mark');
    this.labels = new Pool(root, 'plot-label');
    this.cursors = new Pool(root, 'plot-cursor');
  }

  /** `right`: room to the right of the plot, which labels of marks may use. */
  place(area: PlotArea, right: number): void {
    this.area = area;
    this.right = right;
  }

  showEndLabels(labels: readonly EndLabel[]): void {
    const { left, top, width, height } = this.area;
    const wanted = labels.map(({ y, weight }) => ({ at: y + LABEL_PX / 2, weight }));
    // Half a label may stand above or below the plot: the outermost curves end at its edges.
    const placed = layOutLabels(wanted, LABEL_PX, height + LABEL_PX);
    const shown = labels.flatMap((label, index) => {
      const at = placed[index];
      return at === undefined ? [] : [{ label, at }];
    });
    this.labels.show(shown.length, (element, index) => {
      const entry = shown[index];
      if (entry === undefined) return;
      move(element, left + width + 6, top + entry.at - LABEL_PX);
      write(element, 0, entry.label.text, 'plot-label-name');
      write(element, 1, entry.label.value ?? '', 'plot-label-value');
      setStyle(element, '--swatch', entry.label.colour === undefined ? 'transparent' : `var(${entry.label.colour})`);
    });
  }

  showMarks(marks: readonly OverlayMark[]): void {
    const { left, top, width, height } = this.area;
    const placed = layOutMarks(
      marks.map((mark) => ({ at: mark.x, width: mark.width })),
      width,
      MARK_GAP_PX,
      width + this.right,
    );
    this.marks.show(placed.length, (element, index) => {
      const place = placed[index];
      const mark = place === undefined ? undefined : marks[place.index];
      if (place === undefined || mark === undefined) return;
      move(element, left + mark.x, top - LABEL_PX);
      setStyle(element, 'height', `${height + LABEL_PX}px`);
      const label = write(element, 0, place.label === undefined ? '' : mark.text, 'plot-mark-label');
      setStyle(label, 'transform', `translateX(${Math.round((place.label?.left ?? mark.x) - mark.x)}px)`);
      setStyle(label, 'max-width', `${Math.floor(place.label?.width ?? 0)}px`);
    });
  }

  showTicks(ticks: readonly { readonly x: number; readonly text: string }[]): void {
    const { left, top, width, height } = this.area;
    this.ticks.show(ticks.length, (element, index) => {
      const tick = ticks[index];
      if (tick === undefined) return;
      move(element, left + tick.x, top + height + 6);
      write(element, 0, tick.text, alignment(tick.x, width, tick.text));
    });
  }

  /** Cursors with their text in the row of the time axis, whose own texts give way. */
  showCursors(cursors: readonly { readonly kind: 'hover' | 'pinned'; readonly cursor: OverlayCursor }[]): void {
    const { left, top, width, height } = this.area;
    this.root.classList.toggle('plot-has-cursor', cursors.length > 0);
    this.cursors.show(cursors.length, (element, index) => {
      const shown = cursors[index];
      if (shown === undefined) return;
      const { kind, cursor } = shown;
      element.dataset.kind = kind;
      move(element, left + cursor.x, top);
      setStyle(element, 'height', `${height}px`);
      write(element, 0, cursor.text, `plot-cursor-text ${alignment(cursor.x, width, cursor.text)}`);
      cursor.dots.forEach((dot, place) => {
        const mark = write(element, place + 1, '', 'plot-cursor-dot');
        setStyle(mark, 'transform', `translate(-50%, ${Math.round(dot.y)}px) translateY(-50%)`);
        setStyle(mark, 'background', `var(${dot.colour})`);
      });
      while (element.children.length > cursor.dots.length + 1) element.lastElementChild?.remove();
    });
  }
}

/** Text stands in the middle of its place; at an edge of the plot, where half of it would stand outside, it grows inwards. */
function alignment(x: number, width: number, text: string): string {
  const half = text.length * HALF_LETTER_PX;
  if (x < half) return 'plot-at-start';
  return x > width - half ? 'plot-at-end' : 'plot-at-middle';
}

/** Elements of one class, kept between repaints; the ones not needed are hidden. */
class Pool {
  private readonly elements: HTMLElement[] = [];
  private readonly root: HTMLElement;
  private readonly className: string;

  constructor(root: HTMLElement, className: string) {
    this.root = root;
    this.className = className;
  }

  show(count: number, fill: (element: HTMLElement, index: number) => void): void {
    while (this.elements.length < count) {
      const element = document.createElement('div');
      element.className = this.className;
      this.root.append(element);
      this.elements.push(element);
    }
    this.elements.forEach((element, index) => {
      element.hidden = index >= count;
      if (index < count) fill(element, index);
    });
  }
}

function move(element: HTMLElement, x: number, y: number): void {
  setStyle(element, 'transform', `translate(${Math.round(x)}px, ${Math.round(y)}px)`);
}

/** Style and text are written only when they differ: an equal write still costs a style recalculation. */
function setStyle(element: HTMLElement, property: string, value: string): void {
  if (element.style.getPropertyValue(property) !== value) element.style.setProperty(property, value);
}

function write(parent: HTMLElement, index: number, text: string, className: string): HTMLElement {
  let child = parent.children[index];
  if (!(child instanceof HTMLElement)) {
    child = document.createElement('span');
    parent.append(child);
  }
  if (child.className !== className) child.className = className;
  if (child.textContent !== text) child.textContent = text;
  return child as HTMLElement;
}
