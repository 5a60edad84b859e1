import type { Component } from '../kubernetes/manifest.ts';
import { connections } from '../network/connections.ts';
import { networkPolicies } from '../network/policies.ts';
import type { Settings } from '../settings/index.ts';

/** Default deny both ways, and what the connections name. */
export function network(settings: Settings): Component {
  return {
    name: 'network',
    manifests: networkPolicies(settings, connections(settings)),
    after: ['namespace'],
  };
}
