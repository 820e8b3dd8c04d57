import { DEFAULT_RUN } from '../../engine/protocol/settings.ts';
import { expect, test } from './frame_page.ts';

test('devices: what each holds and does, and a mixed choice by keys alone', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('Control+d');
  const dialog = page.getByRole('dialog', { name: 'Devices' });
  const card = dialog.getByRole('region', { name: 'Radeon RX 7900 XTX' });
  await expect(card.getByRole('img', { name: /of other programs, 21 GiB free of 24 GiB$/ })).toBeVisible();
  await expect(card.getByText('64%')).toBeVisible();
  await expect(card.getByText('57 °C')).toBeVisible();
  await expect(
    card.getByText('Not available on this system (power): the amdgpu driver does not tell it'),
  ).toBeVisible();
  await expect(dialog.getByText('No CUDA device: nvidia-smi lists no NVIDIA card.')).toBeVisible();

  const looks = (await frame.requests('devices')).length;
  await expect.poll(async () => (await frame.requests('devices')).length).toBeGreaterThan(looks);

  await card.getByRole('checkbox').focus();
  await page.keyboard.press('Space');
  await expect(card.getByRole('checkbox')).toBeChecked();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  const after = (await frame.requests('devices')).length;
  await expect(page.getByRole('combobox', { name: /^Devices/ })).toHaveText('1 × CPU + WebGPU');
  await page.getByRole('button', { name: 'Restart run' }).click();
  await expect
    .poll(async () => (await frame.requests('start')).at(-1))
    .toMatchObject({ devices: [{ id: 'cpu:0' }, { id: 'webgpu:0' }] });
  // Nothing is read while nobody looks.
  await page.waitForTimeout(1500);
  expect((await frame.requests('devices')).length).toBeLessThanOrEqual(after + 1);
});

test('a device that is lost is told, marked, and shown as lost', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ theme: 'light', run: { ...DEFAULT_RUN, devices: [{ id: 'cpu:0' }, { id: 'webgpu:0' }] } });
  const label =
    'webgpu:0 was lost: its driver says that it is gone, 3 sequences read again from their tokens; experts placed on cpu:0';
  await page.evaluate((words) => window.harness.engine().lose('webgpu:0', words), label);
  await expect(page.getByText('The run goes on without webgpu:0').first()).toBeVisible();
  await expect(page.getByText(label).first()).toBeVisible();
  const chip = page.getByRole('button', { name: /^1 × CPU.*webgpu:0 lost/ });
  await expect(chip).toBeVisible();
  await chip.click();
  const card = page.getByRole('dialog', { name: 'Devices' }).getByRole('region', { name: 'Radeon RX 7900 XTX' });
  await expect(card.getByText('lost', { exact: true })).toBeVisible();
  await expect(card.getByText('in use')).toBeHidden();
});
