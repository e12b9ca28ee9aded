{{- /* The SyncTarget and SyncPolicy documents of the values; empty where there are none. */ -}}
{{- define "tmc-syncer.documents" -}}
{{- range .Values.targets }}
{{- if or .labels .spec }}
{{- $metadata := dict "name" .name }}
{{- with .labels }}{{ $_ := set $metadata "labels" . }}{{ end }}
{{- $spec := merge (dict "kubeconfigFile" (printf "/etc/tmc-syncer/targets/%s/kubeconfig" .name)) (default dict .spec) }}
{{- with .kubeconfig.context }}{{ $_ := set $spec "kubeconfigContext" . }}{{ end }}
---
{{ toYaml (dict "apiVersion" "workload.kcp.io/v1alpha1" "kind" "SyncTarget" "metadata" $metadata "spec" $spec) }}
{{- end }}
{{- end }}
{{- range .Values.policies }}
---
{{ toYaml (dict "apiVersion" "workload.kcp.io/v1alpha1" "kind" "SyncPolicy" "metadata" (dict "name" .name) "spec" .spec) }}
{{- end }}
{{- end }}
