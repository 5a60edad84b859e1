import * as pulumi from '@pulumi/pulumi';
import type { Settings } from '../settings.ts';
import type { Part } from './manifest.ts';
import { type Material, secretObject } from './material.ts';
import { register } from './register.ts';

/** The thin side of every component: registers a part's objects as its children. */
export class Component extends pulumi.ComponentResource {
  /**
   * @param part what it consists of
   * @param after components that must be there first
   */
  constructor(part: Part, settings: Settings, material: Material, after: readonly Component[]) {
    super('simple378:infra:Component', part.name, {}, { dependsOn: [...after] });
    const options: pulumi.CustomResourceOptions = { parent: this };
    for (const manifest of part.manifests) register(manifest, settings, options);
    if (settings.secrets.source === 'config')
      for (const spec of part.secrets ?? [])
        register(secretObject(spec, settings, material), settings, options);
    for (const spec of part.certificates ?? [])
      for (const manifest of material.certificate(spec)) register(manifest, settings, options);
    this.registerOutputs({});
  }
}
