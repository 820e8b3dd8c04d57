import AxeBuilder from '@axe-core/playwright';
import { expect, type FramePage, test } from './frame_page.ts';

/** Cache lab and Experts over the fake engine: keys, states and requests. Their numbers are checked in labs_numbers.spec.ts. */

const plot = (frame: FramePage) => frame.page.getByRole('slider', { name: /^Miss rate against cache size, a line/ });
const panel = (frame: FramePage, name: string | RegExp) => frame.page.getByRole('region', { name });
const heatMap = (frame: FramePage) => frame.page.getByRole('application', { name: /^Experts by layer/ });

for (const theme of ['dark', 'light'] as const) {
  test(`axe finds nothing serious in the labs in the ${theme} theme`, async ({ frame }) => {
    const { page } = frame;
    await frame.open({ theme });
    const serious = async () => {
      const { violations } = await new AxeBuilder({ page }).include('.main').analyze();
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
    };
    await page.keyboard.press('3');
    await expect(plot(frame)).toBeVisible();
    expect(await serious()).toEqual([]);
    for (const title of ['Miss rate by cache size', 'Where the misses come from', 'Slots by layer']) {
      await page.getByRole('button', { name: `${title} as a table` }).click();
    }
    expect(await serious()).toEqual([]);
    await page.keyboard.press('2');
    await expect(heatMap(frame)).toBeVisible();
    expect(await serious()).toEqual([]);
  });
}

test('a size and a policy are found, pinned and put in force by keys alone', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('3');
  await plot(frame).focus();
  await expect(plot(frame)).toHaveAttribute('aria-valuetext', /^24 slots a layer: .*LIFO 5\d\.\d%/);
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await expect(plot(frame)).toHaveAttribute('aria-valuenow', '16');
  await page.keyboard.press('Enter');
  const misses = panel(frame, 'Miss rate by cache size');
  await expect(misses.getByText('% at 16 slots')).toBeVisible();
  // Escape lets go of the cursor, then of the pin; what is in force is shown again.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await expect(misses.getByText('% at 24 slots')).toBeVisible();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  await expect(misses.getByText('% at 16 slots')).toBeVisible();

  const lifo = page.getByRole('radio', { name: /^LIFO:/ });
  await lifo.focus();
  await page.keyboard.press('ArrowUp');
  const chosen = page.getByRole('radio', { checked: true, name: /missed, cold/ });
  await expect(chosen).not.toHaveAccessibleName(/^LIFO:/);
  await expect(chosen).toBeFocused();
  const title = (await chosen.getAttribute('aria-label'))?.split(':')[0] ?? '';
  const use = page.getByRole('button', { name: `Use 16 slots with ${title}` });
  await use.focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => frame.requests('change')).toEqual([{ cacheSlots: 16, eviction: title.toLowerCase() }]);
  await expect(page.getByText('In force in this run.')).toBeVisible();
  await page.keyboard.press('Control+z');
  await expect.poll(() => frame.requests('change')).toHaveLength(2);
});

test('a trace says what it cannot tell, and nothing can be applied from it', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('Control+Shift+O');
  await expect(page.getByRole('button', { name: 'Source: olmoe-299.jsonl.gz' })).toBeVisible();
  await expect(panel(frame, 'Time and memory')).toContainText('does not say what a load or a step takes');
  await expect(page.getByRole('button', { name: /^Use \d+ slots/ })).toBeDisabled();
  await expect(page.getByText(/choose "This run" as the source/)).toBeVisible();
  const asked = await frame.requests('cacheLab');
  expect(asked.at(-1)).toMatchObject({ source: { kind: 'trace', path: '/traces/olmoe-299.jsonl.gz' }, scored: 'all' });

  // The other lab shows the same file; a recorded run is a choice in the menu.
  await page.keyboard.press('2');
  await expect
    .poll(async () => (await frame.requests('expertsMap')).at(-1))
    .toMatchObject({ source: { kind: 'trace' } });
  await page.getByRole('button', { name: /^Source:/ }).click();
  await page.getByRole('menuitem', { name: /4,096 steps/ }).click();
  await expect
    .poll(async () => (await frame.requests('expertsMap')).at(-1))
    .toEqual({ source: { kind: 'run', path: '/runs/run-0.json' } });
});

test('a trace dropped on the window opens in the Cache lab', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(['{}'], 'kimi.jsonl.gz'));
    for (const type of ['dragenter', 'dragover', 'drop']) {
      window.dispatchEvent(new DragEvent(type, { dataTransfer: data, cancelable: true, bubbles: true }));
    }
  });
  await expect(page.getByRole('button', { name: 'Source: kimi.jsonl.gz' })).toBeVisible();
  expect(await frame.requests('openModel')).toEqual([]);
});

test('in a browser the path is typed', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ host: 'browser' });
  await page.keyboard.press('Control+Shift+O');
  const path = page.getByRole('dialog').getByRole('textbox');
  await path.fill('/traces/mine.jsonl');
  await path.press('Enter');
  await expect(page.getByRole('button', { name: 'Source: mine.jsonl' })).toBeVisible();
});

test('what was refused is said, and asked again on demand', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.evaluate(() => {
    window.harness.engine().refuse = {
      method: 'cacheLab',
      message: 'olmoe-299.jsonl.gz: line 3: expert 64 of 64 experts; check the file.',
    };
  });
  await page.keyboard.press('Control+Shift+O');
  await expect(page.getByRole('alert')).toContainText('line 3: expert 64 of 64');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(plot(frame)).toBeVisible();
});

test('a long replay shows how far it is and can be cancelled', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.evaluate(() => {
    window.harness.engine().holdsExperiments = true;
  });
  await page.keyboard.press('Control+Shift+O');
  const status = page.locator('.main').getByRole('status');
  await expect(status).toContainText('Replaying SIEVE');
  await status.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('Cancelled before there was an answer.')).toBeVisible();
  expect(await frame.requests('cancelLab')).not.toEqual([]);
  await page.evaluate(() => {
    window.harness.engine().holdsExperiments = false;
  });
  await page.getByRole('button', { name: 'Compute' }).click();
  await expect(plot(frame)).toBeVisible();
});

test('a live table follows the run, rests between answers, and sleeps while another view is shown', async ({
  frame,
}) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('3');
  await expect(plot(frame)).toBeVisible();
  const startMs = Date.now();
  await expect
    .poll(async () => {
      await frame.tick(1);
      return (await frame.requests('cacheLab')).length;
    })
    .toBe(3);
  // Two more answers take two rests of two seconds at least.
  expect(Date.now() - startMs).toBeGreaterThan(3500);
  await page.keyboard.press('1');
  const asked = (await frame.requests('cacheLab')).length;
  await frame.tick(20);
  await page.waitForTimeout(3000);
  expect(await frame.requests('cacheLab')).toHaveLength(asked);
  // Back again: the last answer stands at once, while the next one is still on its way.
  await page.evaluate(() => {
    window.harness.engine().holdsExperiments = true;
  });
  await page.keyboard.press('3');
  await expect(plot(frame)).toBeVisible();
});

test('the engine dies: the last table stands and looks it', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('3');
  await expect(plot(frame)).toBeVisible();
  await frame.die('it crashed', 139, []);
  await expect(page.locator('.lab-body')).toHaveAttribute('data-stale', 'true');
  await expect(page.getByText('The engine is gone: the last answer')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Use \d+ slots/ })).toBeDisabled();
});

test('tables copy themselves with units', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('3');
  await page.getByRole('button', { name: 'Miss rate by cache size as a table' }).click();
  await page.getByRole('region', { name: 'Miss rate by cache size, table' }).focus();
  await expect(page.getByRole('columnheader', { name: '24', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Copy as CSV' }).click();
  const copied = await page.evaluate(() => window.harness.kept.copied);
  expect(copied).toMatch(/^policy,slots \(per layer and device\),miss rate \(share of requests\)/);
  // Ten policies at sixteen sizes, and the header.
  expect(copied.trim().split('\r\n').length % 16).toBe(1);
});

test('the map of experts is walked by keys, and a cell opened', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('2');
  await heatMap(frame).focus();
  const keys = ['Home', ...Array(7).fill('ArrowUp'), 'ArrowDown', 'ArrowRight', 'Shift+ArrowRight'];
  for (const key of keys) await page.keyboard.press(key);
  await expect(
    panel(frame, 'Experts')
      .getByText(/^Layer 1, expert 9: /)
      .first(),
  ).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(panel(frame, 'Expert 9')).toContainText('Active in');
  await expect(panel(frame, 'Layer 1, step by step')).toBeVisible();
  expect((await frame.requests('expertLife')).at(-1)).toEqual({ source: { kind: 'live' }, layer: 1, expert: 9 });
  expect(await page.evaluate(() => window.harness.studio.selection.getState().pinned)).toEqual({ layer: 1, expert: 9 });
});

test('the map shows hits, misses and residency, and the cursor is shared', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('2');
  const map = heatMap(frame);
  const box = await map.boundingBox();
  if (box === null) throw new Error('the map has no box');
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const cursor = await page.evaluate(() => window.harness.studio.selection.getState().hover);
  expect(cursor).toMatchObject({ layer: 4 });
  await expect(page.getByRole('slider', { name: /^Share of a layer's tokens/ })).toHaveAttribute(
    'aria-valuetext',
    /^Layer 4: /,
  );
  for (const metric of ['Hits', 'Misses', 'Residency']) {
    await page.getByRole('radio', { name: metric }).check({ force: true });
    await expect(page.getByRole('application', { name: `colour shows ${metric.toLowerCase()}` })).toBeVisible();
  }
});
