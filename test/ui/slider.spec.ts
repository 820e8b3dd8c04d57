import { expect, test } from './frame_page.ts';

test('a drag sends one change, makes one undo entry, and says what it did', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  const from = await frame.sliderPoint(64, 64);
  const to = await frame.sliderPoint(24, 64);
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  for (let i = 1; i <= 20; i++) await page.mouse.move(from.x + ((to.x - from.x) * i) / 20, from.y);

  // Before the release: the thumb has moved, predictions follow it, nothing was sent.
  await expect(frame.slider).toHaveAttribute('aria-valuetext', '24 slots');
  const predicted = page
    .getByRole('row', { name: /^Experts/ })
    .getByRole('cell')
    .first();
  await expect(predicted).toHaveText('27 MiB');
  expect(await frame.requests('change')).toEqual([]);
  const hitRate = page.getByRole('row', { name: /^Hit rate/ }).getByRole('cell');
  await expect(hitRate.first()).not.toHaveText((await hitRate.last().textContent()) ?? '');

  await page.mouse.up();
  await expect(page.getByText('Cache 64 → 24 slots').first()).toBeVisible();
  expect(await frame.requests('change')).toEqual([{ cacheSlots: 24 }]);
  await frame.tick(5);
  // Both are drawn anew a few times a second: read together, not one after the other.
  await expect.poll(async () => new Set(await hitRate.allTextContents()).size).toBe(1);

  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect(frame.slider).toHaveAttribute('aria-valuetext', '64 slots, all experts');
  expect(await frame.requests('change')).toEqual([{ cacheSlots: 24 }, { cacheSlots: 'all' }]);
});

test('arrow keys are collected into one change', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await frame.slider.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowLeft');
  await expect(frame.slider).toHaveAttribute('aria-valuetext', '60 slots');
  await expect.poll(() => frame.requests('change')).toEqual([{ cacheSlots: 60 }]);
  await page.keyboard.press('Control+z');
  await expect(frame.slider).toHaveAttribute('aria-valuetext', '64 slots, all experts');
  await page.keyboard.press('Control+Shift+z');
  await expect(frame.slider).toHaveAttribute('aria-valuetext', '60 slots');
});

test('a refused change is taken back and told', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.evaluate(() => {
    window.harness.engine().refuse = { method: 'change', message: 'cacheSlots: 2 does not fit.' };
  });
  await frame.slider.focus();
  await page.keyboard.press('Home');
  await expect(page.getByText('cacheSlots: 2 does not fit.').first()).toBeVisible();
  await expect(frame.slider).toHaveAttribute('aria-valuetext', '64 slots, all experts');
  await expect(page.getByRole('button', { name: 'Undo settings change' })).toBeDisabled();
});

test('sizes beyond the budget are marked', async ({ frame }) => {
  await frame.open({ budget: '80' });
  await expect(frame.page.getByText('does not fit')).toBeVisible();
  await expect(frame.page.getByText(/over the budget/).first()).toBeVisible();
});

test('the recommended size is one click away', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  // Long enough for the first loads to weigh little.
  await frame.tick(40);
  const button = page.getByRole('button', { name: /^Use \d+$/ });
  // Tiles follow at most four times a second: read the button once it has come to rest.
  let shown = '';
  const rests = async () => {
    const before = shown;
    shown = (await button.textContent()) ?? '';
    return shown === before;
  };
  await expect.poll(rests, { intervals: [400] }).toBe(true);
  const slots = Number(shown.slice(4));
  await button.click();
  await expect.poll(() => frame.requests('change')).toEqual([{ cacheSlots: slots }]);
});
