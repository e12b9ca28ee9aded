{{- /*
The roles that are bound, each with the namespaces of its RoleBindings, or with none for a ClusterRoleBinding: {name: [namespace]}.
What each role allows is in files/rbac.yaml, which is what `tmc-syncer manifests rbac` prints.
*/ -}}
{{- define "tmc-syncer.roles" -}}
{{- $roles := dict }}
{{- $values := .Values }}
{{- $here := list .Release.Namespace }}
{{- if eq $values.component "target" }}
{{- $_ := set $roles "target" list }}
{{- if $values.sync.secrets }}{{ $_ := set $roles "target-secrets" list }}{{ end }}
{{- if $values.rbac.dependencies }}{{ $_ := set $roles "target-dependencies" list }}{{ end }}
{{- if $values.rbac.namespaces }}{{ $_ := set $roles "target-namespaces" list }}{{ end }}
{{- else }}
{{- if not $values.hashKey.existingSecret }}{{ $_ := set $roles "own-secrets" $here }}{{ end }}
{{- if $values.leaderElection.enabled }}{{ $_ := set $roles "leader-election" $here }}{{ end }}
{{- if and (eq $values.upstream.kind "plain") (not (include "tmc-syncer.upstreamSecret" .)) }}
{{- $_ := set $roles "upstream" list }}
{{- $_ := set $roles "kubeconfig-secrets" (default $here $values.rbac.kubeconfigNamespaces) }}
{{- if $values.sync.secrets }}{{ $_ := set $roles "upstream-secrets" list }}{{ end }}
{{- if $values.rbac.finalizers }}{{ $_ := set $roles "upstream-finalizers" list }}{{ end }}
{{- if and $values.rbac.finalizers $values.sync.secrets }}{{ $_ := set $roles "upstream-finalizers-secrets" list }}{{ end }}
{{- if $values.rbac.dependencies }}{{ $_ := set $roles "upstream-dependencies" list }}{{ end }}
{{- if $values.rbac.writeBack }}{{ $_ := set $roles "upstream-write-back" list }}{{ end }}
{{- if and $values.rbac.writeBack $values.sync.secrets }}{{ $_ := set $roles "upstream-write-back-secrets" list }}{{ end }}
{{- end }}
{{- end }}
{{- toYaml $roles }}
{{- end }}
