import * as pulumi from '@pulumi/pulumi';
import type { Part } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import type { Material } from './credentials.ts';
import { objectsOf } from './object-builders.ts';
import { register } from './register.ts';

/** How a component is made. */
export interface ComponentOptions {
  /** Components that must be there first. */
  readonly after: readonly Component[];
  /** The cluster. */
  readonly provider: pulumi.ProviderResource;
}

/** The thin side of every component: registers a part's objects as its children. */
export class Component extends pulumi.ComponentResource {
  /**
   * @param part what it consists of
   */
  constructor(part: Part, settings: Settings, material: Material, options: ComponentOptions) {
    super('simple378:infra:Component', part.name, {}, { dependsOn: [...options.after] });
    const { provider } = options;
    for (const object of objectsOf(part, settings, (file) => material.file(file), material.authority))
      register(object, settings, { parent: this, provider });
    this.registerOutputs({});
  }
}
