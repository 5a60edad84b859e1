/**
 * The images of what runs beside the service: tag for people, digest for machines. Digests are those of the published
 * indexes (all platforms).
 */
export const imageCatalogue = {
  redis:
    'docker.io/library/redis:8.10.1@sha256:298e5b3bc566bade82f46ad5511777a4a07a294097ce16ada2f6a42be5239df5',
  redisExporter:
    'docker.io/oliver006/redis_exporter:v1.86.0@sha256:2e9795be900db073e9475fdb9c5124db309b07a3e4e75a1770705cb03be1a1c8',
  prometheus:
    'quay.io/prometheus/prometheus:v3.15.0@sha256:efd719c99d83b060d9daefdcf00360461adf279f45ef5391f8d111892118753e',
  alertmanager:
    'quay.io/prometheus/alertmanager:v0.34.1@sha256:e9733bafb1bdef9b00e25a21f8f99dc26a22224bf16641ad754d1649f4c3357a',
  grafana:
    'docker.io/grafana/grafana:13.2.2@sha256:ac461fb352abc50da10a51c7d02462e9c05488f11f53f14b3ad79a8145f638a0',
  traefik:
    'docker.io/library/traefik:v3.7.11@sha256:5203c3f39ca70de6790d964624e042463ffbd57715bc82be155cf224c0dd5144',
  otelCollector:
    'docker.io/otel/opentelemetry-collector-contrib:0.160.0@sha256:799dc6cf12c96192af37b5bdba804da8c10b3bc563b43cb90c3f3c58d9572ad6',
  jaeger:
    'docker.io/jaegertracing/jaeger:2.20.0@sha256:46a886260e04002d8f45e213fc39063fa11a50446048fdaa64786fc0840cb9f8',
} as const satisfies Record<string, string>;

/** A key of the catalogue. */
export type ImageName = keyof typeof imageCatalogue;

/** The catalogue's keys. */
export const imageNames = Object.keys(imageCatalogue) as ImageName[];

/** User and group that each image's own files belong to; pods run as them. */
export const imageUsers: Readonly<Record<ImageName | 'caseService', number>> = {
  redis: 999,
  redisExporter: 59_000,
  prometheus: 65_534,
  alertmanager: 65_534,
  grafana: 472,
  traefik: 65_532,
  otelCollector: 10_001,
  jaeger: 10_001,
  caseService: 1000,
};

/** Whether a reference names one exact image. */
export function isPinned(reference: string): boolean {
  return /@sha256:[0-9a-f]{64}$/.test(reference);
}

/** Where images of the catalogue come from, as prefixes of their names. */
export const catalogueRegistries = [
  ...new Set(Object.values(imageCatalogue).map((image) => image.slice(0, image.lastIndexOf('/') + 1))),
];

/** Returns the image of the catalogue, at the mirror if there is one, or the setting that overrides it. */
export function imageOf(
  settings: {
    readonly images: Readonly<Partial<Record<ImageName, string>>>;
    readonly registryMirror?: string;
  },
  name: ImageName,
): string {
  const { images, registryMirror } = settings;
  const image = imageCatalogue[name];
  return images[name] ?? (registryMirror ? `${registryMirror}${image.slice(image.indexOf('/'))}` : image);
}

const zeroDigest = `@sha256:${'0'.repeat(64)}`;

/** Whether a reference has the digest of zeros, which no image has. */
export const hasZeroDigest = (reference: string): boolean => reference.endsWith(zeroDigest);

/** Whether a reference is the placeholder of the repository's own files, which a deployment replaces. */
export const isPlaceholder = (reference: string): boolean =>
  reference.startsWith('registry.example/') && hasZeroDigest(reference);

/** Images of the settings that a deployment must replace first. */
export const placeholders = ({
  app,
}: {
  readonly app: { readonly image: string; readonly limitGateway?: { readonly image: string } };
}): string[] =>
  Object.entries({ 'app.image': app.image, 'app.limitGateway.image': app.limitGateway?.image ?? '' })
    .filter(([, image]) => isPlaceholder(image))
    .map(
      ([key, image]) =>
        `${key}: ${image} is the placeholder of this repository, which nobody can pull; set it to the image that was pushed, by its digest`,
    );
