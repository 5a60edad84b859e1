import { caseService } from './components/caseService.ts';
import type { Part } from './components/manifest.ts';
import { namespace } from './components/namespace.ts';
import { network } from './components/network.ts';
import type { Settings } from './settings.ts';

/** The architecture: what an environment consists of, as plain data, in the order in which it is made. */
export function stack(settings: Settings): Part[] {
  return [namespace(settings), network(settings), caseService(settings)];
}
