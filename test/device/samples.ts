/** Outputs of system tools, written after their documentation and public recordings of them; no card of ours. */

/** `nvidia-smi --query-gpu=... --format=csv,noheader,nounits`: a desktop pair, one on a riser of eight lanes, and a GB10 that shares memory. */
export const NVIDIA_SMI = `0, 00000000:01:00.0, NVIDIA GeForce RTX 4090, 570.124.06, 24564, 1482, 37, 52, 118.42, 4, 16
1, 00000000:41:00.0, NVIDIA RTX A5000, 570.124.06, 24564, 3, 0, 31, 21.07, 4, 8
2, 0000000F:01:00.0, NVIDIA GB10, 580.95.05, [N/A], [N/A], 12, 44, 11.90, [N/A], [N/A]
`;

/** The same on a notebook, whose driver does not tell power. */
export const NVIDIA_SMI_NOTEBOOK =
  '0, 00000000:01:00.0, NVIDIA GeForce RTX 3050 Ti Laptop GPU, 551.61, 4096, 0, 0, 41, [Not Supported], 4, 8\r\n';

export const NVIDIA_SMI_NONE = 'No devices were found\n';

export const PCI_IDS = `# comment
1002  Advanced Micro Devices, Inc. [AMD/ATI]
\t15bf  Phoenix1
\t744c  Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]
\t\t1002 0e3b  RX 7900 GRE [XFX]
8086  Intel Corporation
\t56a0  DG2 [Arc A770]
`;

/** Files under /sys/class/drm. */
export const DRM_FILES: Readonly<Record<string, string>> = {
  'card0/device/uevent': 'DRIVER=ast\nPCI_CLASS=30000\nPCI_ID=1A03:2000\nPCI_SLOT_NAME=0000:02:00.0\n',
  'card1/device/uevent': 'DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n',
  'card1/device/mem_info_vram_total': '25753026560\n',
  'card1/device/mem_info_vram_used': '1073741824\n',
  'card1/device/gpu_busy_percent': '64\n',
  'card1/device/current_link_speed': '2.5 GT/s PCIe\n',
  'card1/device/max_link_speed': '16.0 GT/s PCIe\n',
  'card1/device/current_link_width': '16\n',
  'card1/device/hwmon/hwmon4/temp1_input': '57000\n',
  'card1/device/hwmon/hwmon4/power1_average': '213000000\n',
  'card1-DP-1/status': 'connected\n',
  'card2/device/uevent': 'DRIVER=xe\nPCI_CLASS=30000\nPCI_ID=8086:56A0\nPCI_SLOT_NAME=0000:04:00.0\n',
  'card3/device/uevent': 'DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_ID=1002:15BF\nPCI_SLOT_NAME=0000:c1:00.0\n',
  'card3/device/mem_info_vram_total': '536870912\n',
  'card3/device/mem_info_vram_used': '201326592\n',
};

export const MAC_M3 = JSON.stringify({
  SPDisplaysDataType: [
    {
      _name: 'Apple M3 Pro',
      spdisplays_mtlgpufamilysupport: 'spdisplays_metal3',
      spdisplays_ndrvs: [{ _name: 'Color LCD' }],
      spdisplays_vendor: 'sppci_vendor_Apple',
      sppci_bus: 'spdisplays_builtin',
      sppci_cores: '18',
      sppci_device_type: 'spdisplays_gpu',
      sppci_model: 'Apple M3 Pro',
    },
  ],
});

export const IOREG =
  '    "PerformanceStatistics" = {"In use system memory"=1183055872,"Device Utilization %"=29,"Tiler Utilization %"=4,"Alloc system memory"=4421058560}\n';

export const MAC_INTEL = JSON.stringify({
  SPDisplaysDataType: [
    { _name: 'kHW_IntelUHDGraphics630Item', sppci_model: 'Intel UHD Graphics 630', spdisplays_vram_shared: '1536 MB' },
    { _name: 'kHW_AMDRadeonPro5500MItem', sppci_model: 'AMD Radeon Pro 5500M', spdisplays_vram: '8 GB' },
  ],
});

export const WINDOWS_ONE = JSON.stringify({
  cards: [
    {
      name: 'AMD Radeon RX 7900 XTX',
      driver: '32.0.12033.1030',
      pnp: 'PCI\\VEN_1002&DEV_744C&SUBSYS_0E3B1002&REV_C8\\6&1A2B3C',
    },
    { name: 'Microsoft Basic Display Adapter', driver: '10.0.26100.1', pnp: 'ROOT\\BASICDISPLAY\\0000' },
  ],
  sizes: [{ name: 'AMD Radeon RX 7900 XTX', bytes: 25753026560 }],
  memory: [
    { name: 'luid_0x00000000_0x0000D1B9_phys_0', dedicated: 2147483648, shared: 104857600 },
    { name: 'luid_0x00000000_0x0000E2C0_phys_0', dedicated: 0, shared: 0 },
  ],
  engines: [
    { name: 'pid_4_luid_0x00000000_0x0000D1B9_phys_0_eng_0_engtype_3D', percent: 20 },
    { name: 'pid_9_luid_0x00000000_0x0000D1B9_phys_0_eng_0_engtype_3D', percent: 15 },
    { name: 'pid_9_luid_0x00000000_0x0000D1B9_phys_0_eng_7_engtype_Copy', percent: 30 },
  ],
});

/** Two cards, no counters (before Windows 10 1709). */
export const WINDOWS_TWO = JSON.stringify({
  cards: [
    { name: 'Intel(R) Iris(R) Xe Graphics', driver: '31.0.101.5122', pnp: 'PCI\\VEN_8086&DEV_9A49' },
    { name: 'NVIDIA GeForce RTX 3050 Ti Laptop GPU', driver: '31.0.15.5161', pnp: 'PCI\\VEN_10DE&DEV_25A0' },
  ],
  sizes: [{ name: 'NVIDIA GeForce RTX 3050 Ti Laptop GPU', bytes: 4294967296 }],
  memory: null,
  engines: [],
});

export const SWIFTSHADER_ICD =
  '{"file_format_version": "1.0.0", "ICD": {"library_path": "./libvk_swiftshader.so", "api_version": "1.1.0"}}';
export const RADV_ICD =
  '{"ICD": {"api_version": "1.4.305", "library_path": "/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so"}, "file_format_version": "1.0.1"}';
export const NVIDIA_ICD =
  '{"file_format_version": "1.0.1", "ICD": {"library_path": "libGLX_nvidia.so.0", "api_version": "1.4.303"}}';
export const LAVAPIPE_ICD =
  '{"ICD": {"api_version": "1.4.305", "library_path": "libvulkan_lvp.so"}, "file_format_version": "1.0.1"}';
