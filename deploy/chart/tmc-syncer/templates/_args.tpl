{{- /* The arguments of the program: a list in YAML. */ -}}
{{- define "tmc-syncer.args" -}}
{{- $files := "/etc/tmc-syncer" }}
- run
{{- if include "tmc-syncer.upstreamSecret" . }}
- --upstream-kubeconfig={{ $files }}/upstream/kubeconfig
{{- with .Values.upstream.kubeconfig.context }}
- {{ printf "--upstream-context=%s" . | quote }}
{{- end }}
{{- end }}
{{- if eq .Values.upstream.kind "kcp" }}
- --endpoint-slice={{ .Values.upstream.endpointSlice }}
{{- end }}
{{- range .Values.targets }}
{{- if not (or .labels .spec) }}
- {{ printf "--target=%s=%s/targets/%s/kubeconfig%s" .name $files .name (empty .kubeconfig.context | ternary "" (printf "#%s" .kubeconfig.context)) | quote }}
{{- end }}
{{- end }}
{{- if include "tmc-syncer.documents" . }}
- --file={{ $files }}/documents
{{- end }}
{{- with .Values.sync }}
{{- with .strategy }}
- --strategy={{ . }}
{{- end }}
{{- with .namespaceMapping }}
- --namespace-mapping={{ . }}
{{- end }}
{{- with .statusInterval }}
- --status-interval={{ . }}
{{- end }}
{{- if .secrets }}
- --sync-secrets
{{- end }}
{{- if .dryRun }}
- --dry-run
{{- end }}
{{- if not (kindIs "invalid" .confirmMassDeletion) }}
- --confirm-mass-deletion={{ int64 .confirmMassDeletion }}
{{- end }}
{{- with .previousUpstream }}
- {{ printf "--previous-upstream=%s" . | quote }}
{{- end }}
{{- end }}
{{- if .Values.hashKey.existingSecret }}
- --hash-key-file={{ $files }}/hash-key/key
{{- end }}
{{- with .Values.limits }}
{{- with .bodyCache }}
- --body-cache={{ . }}
{{- end }}
{{- with .threads }}
- --threads={{ int64 . }}
{{- end }}
{{- with .writesInFlight }}
- --writes-in-flight={{ int64 . }}
{{- end }}
{{- with .reconcilers }}
- --reconcilers={{ int64 . }}
{{- end }}
{{- with .mailbox }}
- --mailbox={{ int64 . }}
{{- end }}
{{- end }}
{{- if .Values.leaderElection.enabled }}
- --leader-elect
- --lease-name={{ include "tmc-syncer.fullname" . }}
{{- end }}
- --admin-address=127.0.0.1:{{ int64 .Values.admin.port }}
- --health-address=0.0.0.0:{{ int64 .Values.health.port }}
- {{ printf "--log-level=%s" .Values.log.level | quote }}
- --log-format={{ .Values.log.format }}
{{- with .Values.tracing.endpoint }}
- {{ printf "--otlp-endpoint=%s" . | quote }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}
