import { expect, test } from '@playwright/test';
import { COMMAND_MENUS } from '../../src-main/menu_commands.ts';

test('the native menu names commands that the window has', async ({ page }) => {
  await page.goto('');
  const known = await page.evaluate(() => window.harness.studio.commands.all().map(({ id }) => id));
  const named = Object.values(COMMAND_MENUS).flatMap((entries) =>
    entries.flatMap((entry) => (entry === 'separator' ? [] : [entry.command])),
  );
  expect(known).toEqual(expect.arrayContaining(named));
});
