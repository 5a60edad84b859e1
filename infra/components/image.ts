import { type ImageName, imageCatalogue } from '../images.ts';
import type { Settings } from '../settings/index.ts';

/** The image of the catalogue, or the setting that overrides it. */
export function imageOf(settings: Settings, name: ImageName): string {
  return settings.images[name] ?? imageCatalogue[name];
}
