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
{{- include "tmc-syncer.leaseTimes" . }}
{{- with .Values.leaderElection }}
{{- with .leaseDuration }}
- --lease-duration={{ . }}
{{- end }}
{{- with .renewDeadline }}
- --lease-renew-deadline={{ . }}
{{- end }}
{{- with .retryPeriod }}
- --lease-retry-period={{ . }}
{{- end }}
{{- end }}
{{- end }}
- --admin-address=127.0.0.1:{{ int64 .Values.admin.port }}
- --health-address=0.0.0.0:{{ int64 .Values.health.port }}
- {{ printf "--log-level=%s" .Values.log.level | quote }}
- --log-format={{ .Values.log.format }}
{{- with .Values.tracing.endpoint }}
- {{ printf "--otlp-endpoint=%s" . | quote }}
{{- end }}
{{- if not (kindIs "invalid" .Values.tracing.sample) }}
- --trace-sample={{ .Values.tracing.sample }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Refuses what the program would refuse, before a pod has to end for it. The numbers are the program's defaults. */ -}}
{{- define "tmc-syncer.leaseTimes" -}}
{{- with .Values.leaderElection }}
{{- $duration := .leaseDuration | default "15s" | trimSuffix "s" | int }}
{{- $deadline := .renewDeadline | default "10s" | trimSuffix "s" | int }}
{{- $retry := .retryPeriod | default "2s" | trimSuffix "s" | int }}
{{- if gt $duration 3600 }}
{{- fail "leaderElection.leaseDuration: an hour at most" }}
{{- end }}
{{- if ge $deadline $duration }}
{{- fail "leaderElection.renewDeadline has to be less than leaderElection.leaseDuration" }}
{{- end }}
{{- if ge (mul 2 $retry) (int64 $deadline) }}
{{- fail "leaderElection.retryPeriod has to be less than half of leaderElection.renewDeadline" }}
{{- end }}
{{- end }}
{{- end }}
