{{- /* What is mounted where. */ -}}
{{- define "tmc-syncer.mounts" -}}
{{- if include "tmc-syncer.upstreamSecret" . }}
- {name: upstream, mountPath: /etc/tmc-syncer/upstream, readOnly: true}
{{- end }}
{{- range $at, $target := .Values.targets }}
- {name: target-{{ $at }}, mountPath: /etc/tmc-syncer/targets/{{ $target.name }}, readOnly: true}
{{- end }}
{{- if include "tmc-syncer.documents" . }}
- {name: documents, mountPath: /etc/tmc-syncer/documents, readOnly: true}
{{- end }}
{{- if .Values.hashKey.existingSecret }}
- {name: hash-key, mountPath: /etc/tmc-syncer/hash-key, readOnly: true}
{{- end }}
{{- end }}

{{- define "tmc-syncer.volumes" -}}
{{- $fullname := include "tmc-syncer.fullname" . }}
{{- with include "tmc-syncer.upstreamSecret" . }}
- name: upstream
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items: [{key: {{ $.Values.upstream.kubeconfig.key | quote }}, path: kubeconfig}]
{{- end }}
{{- range $at, $target := .Values.targets }}
- name: target-{{ $at }}
  secret:
    secretName: {{ default (printf "%s-target-%s" $fullname $target.name) $target.kubeconfig.existingSecret }}
    defaultMode: 0440
    items: [{key: {{ default "kubeconfig" $target.kubeconfig.key | quote }}, path: kubeconfig}]
{{- end }}
{{- if include "tmc-syncer.documents" . }}
- name: documents
  configMap: {name: {{ $fullname }}-documents}
{{- end }}
{{- with .Values.hashKey.existingSecret }}
- name: hash-key
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items: [{key: {{ $.Values.hashKey.key | quote }}, path: key}]
{{- end }}
{{- end }}
