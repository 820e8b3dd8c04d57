import { type HeatArea, type HeatShape, rowHeight, rowRuns, rowTop } from './heat_geometry.ts';

/**
 * Paints the cells into one small image, a pixel each, and scales it up without smoothing to whole device pixels: exact colours,
 * and the cost does not grow with the size of the map on the screen.
 */
export function paintHeat(
  canvas: HTMLCanvasElement,
  size: { readonly width: number; readonly height: number },
  shape: HeatShape,
  area: HeatArea,
  colour: (row: number, column: number) => number,
): void {
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  const context = canvas.getContext('2d');
  if (context === null || shape.rows === 0 || shape.columns === 0) return;
  const small = new OffscreenCanvas(shape.columns, shape.rows);
  const pixels = new Uint32Array(shape.columns * shape.rows);
  for (let row = 0; row < shape.rows; row++) {
    for (let column = 0; column < shape.columns; column++) pixels[row * shape.columns + column] = colour(row, column);
  }
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), shape.columns, shape.rows);
  small.getContext('2d')?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  const snap = (value: number) => Math.round(value * ratio);
  for (const [first, end] of rowRuns(shape)) {
    if (end <= first) continue;
    const top = snap(rowTop(shape, area, first));
    const bottom = snap(rowTop(shape, area, end - 1) + rowHeight(shape, area));
    const left = snap(area.left);
    const width = snap(area.left + area.width) - left;
    context.drawImage(small, 0, first, shape.columns, end - first, left, top, width, Math.max(1, bottom - top));
  }
}
