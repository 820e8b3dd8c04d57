import { test as base, expect, type Page } from '@playwright/test';
import type { RunSettings } from '../../engine/protocol/settings.ts';

/** The window over the fake engine, as tests drive it. Time stands still between calls of `tick`. */
export class FramePage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Opens the harness and waits for the run that starts by itself. */
  async open(query: { theme?: 'light' | 'dark'; host?: 'browser'; budget?: string; run?: RunSettings } = {}) {
    const { run, ...plain } = query;
    const search = new URLSearchParams({ ...plain, ...(run === undefined ? {} : { run: JSON.stringify(run) }) });
    await this.page.goto(`/test/ui/harness.html?${search}`);
    await expect(this.page.getByRole('button', { name: 'Pause' })).toBeVisible();
    await this.tick(10);
    await expect(this.slider).toBeVisible();
    await expect(this.page.getByRole('img', { name: /^Miss rate against cache size/ })).toBeVisible();
  }

  async tick(frames: number) {
    await this.page.evaluate((n) => window.harness.tick(n), frames);
  }

  /** Parameters of every request of one kind, oldest first. */
  async requests(method: string): Promise<unknown[]> {
    const all = await this.page.evaluate(() => window.harness.requests());
    return all.filter((request) => request.method === method).map(({ params }) => params);
  }

  async die(reason: string, exitCode: number, stderrTail: string[]) {
    await this.page.evaluate((gone) => window.harness.transport.die(gone), { reason, exitCode, stderrTail });
  }

  get slider() {
    return this.page.getByRole('slider', { name: 'Expert cache, slots' });
  }

  /** Middle of the slider's place for a value, in page pixels. */
  async sliderPoint(slots: number, most: number) {
    const box = await this.page.locator('.slider-track').boundingBox();
    if (box === null) throw new Error('the slider has no box');
    return { x: box.x + ((slots - 1) / (most - 1)) * box.width, y: box.y + box.height / 2 };
  }
}

/** Every test fails on a console error, an uncaught error or a violation of the content security policy. */
export const test = base.extend<{ frame: FramePage }>({
  frame: async ({ page }, use) => {
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(error.stack ?? error.message));
    page.on('console', (message) => {
      // Asked for by the browser itself, on the page that only sets the server's cookie.
      if (message.location().url.endsWith('/favicon.ico')) return;
      if (message.type() === 'error' || message.type() === 'warning') troubles.push(message.text());
    });
    await use(new FramePage(page));
    expect(troubles).toEqual([]);
  },
});

export { expect };
