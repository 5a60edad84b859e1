// Pod-security asks the evaluator of Kubernetes' own Pod Security admission about manifests in files, one object a file,
// at level restricted:
//
//	pod-security VERSION[,VERSION…] FILE…
//
// It prints {"pods": N, "findings": ["VERSION KIND FILE: what is forbidden", …]}, and exits 1 when it could not judge.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: pod-security VERSION[,VERSION…] FILE…")
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		log.Fatal(err)
	}
	pods, findings := 0, []string{}
	for _, file := range os.Args[2:] {
		object, kind, err := read(file)
		if runtime.IsNotRegisteredError(err) {
			continue // a kind that makes no pods
		} else if err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		template := templateOf(object)
		pods++
		for _, version := range strings.Split(os.Args[1], ",") {
			parsed, err := api.ParseVersion(version)
			if err != nil {
				log.Fatalf("version %s: %v", version, err)
			}
			results := evaluator.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: parsed}, &template.ObjectMeta, &template.Spec)
			if verdict := policy.AggregateCheckResults(results); !verdict.Allowed {
				findings = append(findings, fmt.Sprintf("%s %s %s: %s", version, kind, file, verdict.ForbiddenDetail()))
			}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"pods": pods, "findings": findings}); err != nil {
		log.Fatal(err)
	}
}

// templateOf finds the pod in an object of the decoder's kinds.
func templateOf(object runtime.Object) corev1.PodTemplateSpec {
	switch o := object.(type) {
	case *corev1.Pod:
		return corev1.PodTemplateSpec{ObjectMeta: o.ObjectMeta, Spec: o.Spec}
	case *appsv1.Deployment:
		return o.Spec.Template
	case *appsv1.StatefulSet:
		return o.Spec.Template
	case *appsv1.DaemonSet:
		return o.Spec.Template
	case *batchv1.Job:
		return o.Spec.Template
	case *batchv1.CronJob:
		return o.Spec.JobTemplate.Spec.Template
	}
	log.Fatalf("%T: where is its pod?", object)
	panic("unreachable")
}

// decoder knows the kinds that make pods, and no other.
var decoder = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.Pod{})
	scheme.AddKnownTypes(appsv1.SchemeGroupVersion, &appsv1.Deployment{}, &appsv1.StatefulSet{}, &appsv1.DaemonSet{})
	scheme.AddKnownTypes(batchv1.SchemeGroupVersion, &batchv1.Job{}, &batchv1.CronJob{})
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

// read decodes a manifest strictly: an unknown field could hide what it was meant to say.
func read(file string) (runtime.Object, string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	object, kind, err := decoder.Decode(text, nil, nil)
	if err != nil {
		return nil, "", err
	}
	return object, kind.Kind, nil
}
