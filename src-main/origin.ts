export const APP_SCHEME = 'studio';
export const APP_HOST = 'app';
/** The page's origin. A scheme of our own, because `file:` pages share one origin with every file on the disk. */
export const APP_ORIGIN = `${APP_SCHEME}://${APP_HOST}`;
